//! A certificate authority of one's own, and TLS in front of a server that speaks plain HTTP.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Whom nobody knows who is not told.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub name: String,
}

/// What a certificate is good for.
#[derive(Clone, Copy, Debug)]
pub enum Valid {
    Now,
    /// It ended in the year 2020.
    Before,
    /// It begins in the year 2090.
    Later,
}

impl Authority {
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, name: name.to_owned() })
    }

    /// Its own certificate, for whoever shall trust it.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join(format!("{}.pem", self.name));
        std::fs::write(&file, self.issuer.pem())?;
        Ok(file)
    }

    fn server(&self, name: &str, valid: Valid) -> Result<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        let (from, until) = match valid {
            Valid::Now => (2020, 2090),
            Valid::Before => (2019, 2020),
            Valid::Later => (2090, 2091),
        };
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?)
    }
}

/// A port that speaks TLS and passes on what it hears. It ends when it is dropped.
#[derive(Debug)]
pub struct Front {
    port: u16,
    task: JoinHandle<()>,
}

impl Front {
    /// With a certificate for `name`, in front of `http://127.0.0.1:<port>`.
    pub async fn start(authority: &Authority, name: &str, valid: Valid, server_url: &str) -> Result<Self> {
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(name, valid)?));
        let behind = server_url.strip_prefix("http://").context("the server speaks plain HTTP")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(pass_on(acceptor.clone(), connection, behind.clone()));
            }
        });
        Ok(Self { port, task })
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whoever breaks off, breaks off: a client that trusts nobody here does so on purpose.
async fn pass_on(acceptor: TlsAcceptor, connection: TcpStream, behind: String) -> Result<()> {
    let mut outside = acceptor.accept(connection).await?;
    let mut inside = TcpStream::connect(behind).await?;
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
