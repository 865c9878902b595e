//! Looks at everything once and asks the others what it means.

use std::{io, net::IpAddr, time::Duration};

use deskbell_protocol::device::{AgentState, Hello};
use ed25519_dalek::SigningKey;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use url::Url;

use super::{
    Check, Code, Finding,
    device::{self, Answer, Key},
    disk,
    network::{self, Refusal, Tried},
    queue::{self, Known, Queue},
    server,
};
use crate::{
    clock::Clock,
    http::{CONNECT, Http, HttpError, Identity, Route},
    keys,
    policy::{Config, Folders, Policy},
};

/// A key store may ask the person something, and nobody may be there to answer.
const KEY_STORE: Duration = Duration::from_secs(20);
/// Diagnosing stops earlier than an agent that works in the background.
const ANSWER: Duration = Duration::from_secs(20);

/// Whose health it is about.
#[derive(Debug)]
pub struct Subject<'a> {
    pub folders: &'a Folders,
    pub clock: Clock,
    /// An agent runs for this user.
    pub running: bool,
}

/// What was found, and the key that a screen should look at.
#[derive(Debug, Default)]
pub struct Examined {
    pub findings: Vec<Finding>,
    pub hotkey: Option<String>,
}

/// All that can be found without a screen. The checks of a screen are the caller's.
pub async fn examine(subject: &Subject<'_>) -> Examined {
    let data = subject.folders.data.clone();
    let looked = tokio::task::spawn_blocking(move || (disk::look(&data), queue::look(&data))).await;
    let Ok((disk, queue)) = looked else { return Examined::default() };
    let known = queue.as_ref().ok().and_then(Option::as_ref);
    let policy = Policy::of_user(subject.folders);
    let key = key(subject, &queue).await;

    let agent = if subject.running { Code::AgentRuns } else { Code::AgentEnded };
    let mut findings = vec![Finding::new(Check::Agent, agent)];
    findings.extend(configuration(&policy));
    findings.extend(online(subject, &policy.config, known, key.key.as_ref()).await);
    findings.extend([device::key(&key.state), disk::finding(&disk), queue::finding(&queue)]);
    Examined { findings, hotkey: policy.config.hotkey() }
}

fn configuration(policy: &Policy) -> Vec<Finding> {
    let finding = |code| Finding::new(Check::Configuration, code);
    let mut findings: Vec<_> =
        policy.faults.iter().map(|fault| finding(Code::SettingRefused).with("reason", fault)).collect();
    findings.push(match &policy.config.server_url {
        Some(url) => finding(Code::Configured).with("server", url),
        None => finding(Code::NotConfigured),
    });
    findings
}

/// The key, and whether it is one.
struct Found {
    state: Key,
    key: Option<SigningKey>,
}

async fn key(subject: &Subject<'_>, queue: &Queue) -> Found {
    let state = |state| Found { state, key: None };
    let account = match queue {
        Err(_) => return state(Key::Unknown),
        Ok(known) => known.as_ref().and_then(|known| known.account.clone()),
    };
    let Some(account) = account else { return state(Key::NotMade) };
    let folder = subject.folders.data.clone();
    let found = tokio::task::spawn_blocking(move || keys::find(&folder, &account));
    match timeout(KEY_STORE, found).await {
        Ok(Ok(Ok(Some((key, place))))) => Found { state: Key::Found(place), key: Some(key) },
        Ok(Ok(Ok(None))) => state(Key::Gone),
        Ok(Ok(Err(error))) => state(Key::Failed(error)),
        Ok(Err(_)) | Err(_) => state(Key::Failed(keys::KeyError::Refused("no answer".to_owned()))),
    }
}

/// What needs the network, one stop after the other.
async fn online(
    subject: &Subject<'_>,
    config: &Config,
    known: Option<&Known>,
    key: Option<&SigningKey>,
) -> Vec<Finding> {
    let Some(url) = &config.server_url else { return skipped(Code::Skipped) };
    let http = match Http::new(config, url.clone(), subject.clock) {
        Ok(http) => http,
        Err(reason) => {
            let mut findings = skipped(Code::Skipped);
            findings.insert(0, Finding::new(Check::Configuration, Code::ConfigurationRefused).with("reason", reason));
            return findings;
        }
    };
    let route = http.route();
    let (name, connection) = first_stop(url, &route).await;
    let hello = hello(&http).await;
    let reached = matches!(connection, Some(Ok(())));
    let tried = Tried {
        server: url,
        route: &route,
        name,
        connection,
        hello: hello.as_ref().map(drop).map_err(Clone::clone),
        issuer: http.issuer(),
        script: crate::http::proxy_script(),
    };
    let mut findings = network::findings(&tried);
    findings.extend(server::findings(&hello, reached, known.and_then(|known| known.server), (subject.clock)()));
    let introduced = known.is_some_and(|known| known.installation.is_some());
    let answer = ask(&http, &hello, known, key).await;
    findings.extend(device::findings(&answer, introduced, hello.is_ok()));
    findings
}

fn skipped(code: Code) -> Vec<Finding> {
    use Check::{Clock, Confirmation, Enablement, Name, Proxy, Route, Server, Signature, Tls};
    let checks = [Name, Route, Proxy, Tls, Server, Clock, Signature, Enablement, Confirmation];
    checks.map(|check| Finding::new(check, code)).into()
}

/// The addresses of the server, or of the proxy before it, and a connection to one of them.
async fn first_stop(server: &Url, route: &Route) -> (Result<Vec<IpAddr>, String>, Option<Result<(), Refusal>>) {
    let stop = match route {
        Route::Direct(_) => server,
        Route::Through(proxy) => &proxy.url,
    };
    let host = match stop.host() {
        Some(url::Host::Ipv6(ip)) => ip.to_string(),
        Some(host) => host.to_string(),
        None => return (Err("it has no host".to_owned()), None),
    };
    let port = stop.port_or_known_default().unwrap_or(80);
    let addresses: Vec<_> = match timeout(CONNECT, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return (Err(error.to_string()), None),
        Err(_) => return (Err("no answer".to_owned()), None),
    };
    let connection = match timeout(CONNECT, TcpStream::connect(&addresses[..])).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Refusal::Refused),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(Refusal::Silent),
        Ok(Err(error)) => Err(Refusal::Other(error.to_string())),
        Err(_) => Err(Refusal::Silent),
    };
    (Ok(addresses.iter().map(|address| address.ip()).collect()), Some(connection))
}

async fn hello(http: &Http) -> Result<Hello, HttpError> {
    let silent = |_| Err(HttpError::TimedOut(crate::http::shown(http.url())));
    timeout(ANSWER, http.hello()).await.unwrap_or_else(silent)
}

/// A signed question that changes nothing. A server that this device does not know is told nothing.
async fn ask(http: &Http, hello: &Result<Hello, HttpError>, known: Option<&Known>, key: Option<&SigningKey>) -> Answer {
    let (hello, known, key) = (hello.as_ref().ok()?, known?, key?);
    let server = known.server.filter(|server| *server == hello.server_id)?;
    known.installation?;
    let who = Identity { key: key.clone(), server };
    let silent = |_| Err(HttpError::TimedOut(crate::http::shown(http.url())));
    let answer: Result<AgentState, _> = timeout(ANSWER, http.get(&who, "/state")).await.unwrap_or_else(silent);
    Some(answer)
}
