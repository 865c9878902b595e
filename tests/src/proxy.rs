//! A real proxy (mitmproxy), as companies have them. Names that only it knows lead to this machine.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use tokio::net::TcpStream;

use crate::{
    process::{self, Process, free_port},
    wait::until,
};

/// Python takes its time on a busy machine.
const START: Duration = Duration::from_secs(60);

/// Every name leads to this machine, and each request leaves a line in the log: method and address, no more.
const ADDON: &str = "
from mitmproxy import ctx

def server_connect(data):
    data.server.address = ('127.0.0.1', data.server.address[1])

def http_connect(flow):
    ctx.log.warn(f'asked for {flow.request.pretty_host}')

def response(flow):
    ctx.log.warn(f'passed on {flow.request.method} {flow.request.path}')
";

/// What it does with connections that are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Passes them on as they are.
    Pass,
    /// Opens them, and shows a certificate of its own.
    Open,
}

#[derive(Debug)]
pub struct Proxy {
    process: Process,
    folder: PathBuf,
    port: u16,
}

impl Proxy {
    /// `person` is the name and the password that it asks for: `name:password`.
    pub async fn start(folder: &Path, tls: Tls, person: Option<&str>) -> Result<Self> {
        let (folder, port) = (folder.join("proxy"), free_port()?);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("addon.py"), ADDON)?;
        let mut command = process::command("mitmdump");
        command.args(["--listen-host", "127.0.0.1", "--listen-port", &port.to_string()]);
        command.arg("--set").arg(format!("confdir={}", folder.display()));
        command.args(["--set", "termlog_verbosity=warn", "--set", "flow_detail=0", "--ssl-insecure"]);
        command.arg("--scripts").arg(folder.join("addon.py"));
        if tls == Tls::Pass {
            command.args(["--ignore-hosts", ".*"]);
        }
        if let Some(person) = person {
            command.args(["--proxyauth", person]);
        }
        let process = Process::start("mitmdump", command, &folder.join("log"))?;
        until("the proxy listens", START, async || Ok(Some(TcpStream::connect(("127.0.0.1", port)).await?))).await?;
        Ok(Self { process, folder, port })
    }

    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its setting in an agent, with a name and a password where it asks for them.
    #[must_use]
    pub fn url(&self, person: &str) -> String {
        let at = if person.is_empty() { "" } else { "@" };
        format!("http://{person}{at}{}", self.address())
    }

    /// The certificate of who issues its certificates.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("mitmproxy-ca-cert.pem")
    }

    /// What it passed on so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.output()
    }
}
