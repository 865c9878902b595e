//! What the agent does by itself: it introduces itself, keeps in touch, and carries away what waits.

use std::{panic::AssertUnwindSafe, sync::atomic::Ordering, time::Duration};

use deskbell_protocol::{
    device::{AgentState, Enrol, Enrolled, Registration},
    error::ErrorCode,
    id::{InstallationId, ServerId},
    limits::POLL_SECONDS,
    signature,
};
use futures::FutureExt;
use rusqlite::Connection;

use crate::{
    agent::Inner,
    clock, context,
    http::{Http, HttpError, Identity},
    keys::{self, KeyError, Place},
    live,
    store::{StoreError, StoreResult, outbox, settings},
    sync::{self, Effects},
    upload,
    view::{Problem, ProblemCode},
};

/// Why the agent cannot work at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The address answers as another server than the one that this device introduced itself to.
    #[error("the address answers as another server")]
    ServerChanged,
    #[error("there is no enrolment key")]
    NoEnrolmentKey,
    #[error("this server is too old for this agent")]
    ServerTooOld,
}

impl Fault {
    fn problem(&self) -> ProblemCode {
        match self {
            Self::Http(error) => error.problem().unwrap_or(ProblemCode::ServerUnreachable),
            Self::Store(_) => ProblemCode::DiskFull,
            Self::Key(_) => ProblemCode::KeyStoreRefused,
            Self::ServerChanged => ProblemCode::ServerChanged,
            Self::NoEnrolmentKey => ProblemCode::NotConfigured,
            Self::ServerTooOld => ProblemCode::ServerTooOld,
        }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Http(error) => error.code(),
            _ => None,
        }
    }

    /// As the person sees it. What has no name of its own concerns the server.
    fn shown(&self, http: &Http) -> Problem {
        let named = match self {
            Self::Http(error) => error.subject(),
            _ => None,
        };
        Problem { code: self.problem(), subject: named.or_else(|| http.url().host_str().map(str::to_owned)) }
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Nobody tells this program that the network is back, so it looks as often as it would ask otherwise.
const LONGEST_PAUSE: Duration = Duration::from_secs(POLL_SECONDS);
/// A defect that is always there must not fill the disk with what it logs.
pub(crate) const AFTER_A_FALL: Duration = Duration::from_secs(60);
/// A server that asks for more is mistaken.
const LONGEST_WISH: Duration = Duration::from_secs(15 * 60);

/// The pause after so many failures in a row: any part of a time that doubles, so that 5,000 agents do
/// not come back at the same moment. `fraction` is random, from 0 to 1.
pub(crate) fn backoff(failures: u32, fraction: f64) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.clamp(1, 10).saturating_sub(1)).min(LONGEST_PAUSE);
    longest.mul_f64(fraction).max(SHORTEST_PAUSE)
}

/// What the server asked for, where it asked for a pause.
pub(crate) fn pause(fault: &Fault, failures: u32, fraction: f64) -> Duration {
    let wish = match fault {
        Fault::Http(HttpError::Refused(body)) => body.details.retry_after.map(Duration::from_secs),
        _ => None,
    };
    backoff(failures, fraction).max(wish.unwrap_or_default().min(LONGEST_WISH))
}

/// Begins again where a defect made the work fall over: the bell would otherwise look well, and deliver
/// nothing until the next log-on. The panic itself is on the standard error.
pub(crate) async fn tireless<W: Future<Output = ()>>(pause: Duration, work: impl Fn() -> W) {
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        tracing::error!("the work fell over, which is a defect; it begins again");
        tokio::time::sleep(pause).await;
    }
}

/// Works for as long as it is not dropped.
pub(crate) async fn work(inner: &Inner) {
    let Some(http) = &inner.http else {
        inner.set_problem(Problem { code: ProblemCode::NotConfigured, subject: None });
        return std::future::pending().await;
    };
    let mut failures = 0;
    loop {
        let Err(fault) = connected(inner, http, &mut failures).await;
        failures += 1;
        tracing::warn!(%fault, failures, "not in touch with the server");
        inner.live.store(false, Ordering::Relaxed);
        if matches!(&fault, Fault::Http(error) if !matches!(error, HttpError::Refused(_))) {
            http.renew();
        }
        if let Err(error) = note(inner, http, &fault).await {
            tracing::error!(%error, "the fault cannot be noted");
        }
        tokio::select! {
            () = tokio::time::sleep(pause(&fault, failures, clock::fraction())) => {}
            () = inner.wake.notified() => {}
        }
    }
}

/// What a fault means for the person, and for what is remembered.
async fn note(inner: &Inner, http: &Http, fault: &Fault) -> Result<(), Fault> {
    let code = fault.code();
    let _alone = inner.exchange.lock().await;
    let effects = inner.store.write(move |tx| kept_out(tx, code)).await?;
    deskbell_protocol::crash_point!("fault.commit.after");
    inner.show(effects).await?;
    inner.set_worker_problem(Some(fault.shown(http)));
    inner.set_online(false);
    Ok(())
}

/// What a refusal says of this installation is remembered.
pub(crate) fn kept_out(connection: &Connection, code: Option<ErrorCode>) -> StoreResult<Effects> {
    let registration = match code {
        Some(ErrorCode::DeviceRevoked) => Some(Registration::Revoked),
        Some(ErrorCode::DeviceQuarantined) => Some(Registration::Quarantined),
        Some(ErrorCode::DeviceUnapproved) => Some(Registration::Unapproved),
        _ => None,
    };
    let mut effects = Effects::default();
    if code == Some(ErrorCode::DeviceUnknown) {
        // Removed there, or restored from before: introduce ourselves again.
        settings::remove(connection, "installation")?;
    }
    if let Some(registration) = registration
        && let Some(state) = settings::get::<AgentState>(connection, "state")?
    {
        sync::apply_state(connection, &AgentState { registration, ..state }, &mut effects)?;
    }
    deskbell_protocol::crash_point!("fault.commit.before");
    Ok(effects)
}

async fn connected(inner: &Inner, http: &Http, failures: &mut u32) -> Result<std::convert::Infallible, Fault> {
    let who = introduced(inner, http).await?;
    let syncing = async {
        loop {
            sync::all(inner, http, &who).await?;
            *failures = 0;
            inner.set_worker_problem(None);
            inner.set_online(true);
            inner.upload.notify_one();
            let poll = live::poll(inner.live.load(Ordering::Relaxed));
            tokio::select! {
                () = inner.wake.notified() => {}
                () = tokio::time::sleep(poll.mul_f64(0.75 + clock::fraction() / 4.0)) => {}
            }
        }
    };
    let uploading = async {
        let mut unfinished = 0;
        loop {
            let pause = tokio::time::sleep(backoff(unfinished, clock::fraction()));
            tokio::select! {
                () = inner.upload.notified() => {}
                () = pause, if unfinished > 0 => {}
            }
            unfinished = if upload::all(inner, http, &who).await? { 0 } else { unfinished + 1 };
        }
    };
    // Either ends only with a fault; the live connection never does.
    tokio::select! {
        end = syncing => end,
        end = uploading => end,
        () = live::keep(inner, &who) => unreachable!("it is kept"),
    }
}

/// The key, the right server, and an introduction where there has been none.
async fn introduced(inner: &Inner, http: &Http) -> Result<Identity, Fault> {
    deskbell_protocol::crash_point!("hello.send.before");
    let hello = http.hello().await?;
    deskbell_protocol::crash_point!("hello.send.after");
    if hello.protocol_max < deskbell_protocol::PROTOCOL_VERSION {
        return Err(Fault::ServerTooOld);
    }
    if hello.protocol_min > deskbell_protocol::PROTOCOL_VERSION {
        return Err(Fault::Http(HttpError::Refused(Box::new(deskbell_protocol::error::ErrorBody {
            code: ErrorCode::AgentTooOld,
            message: "the server does not speak this agent's protocol any more".to_owned(),
            details: Default::default(),
        }))));
    }
    let known: Option<ServerId> = inner.store.read(|c| settings::get(c, "server")).await?;
    if known.is_some_and(|known| known != hello.server_id) {
        return Err(Fault::ServerChanged);
    }
    // A new enrolment key may retire ours meanwhile.
    let _alone = inner.exchange.lock().await;
    let who = Identity { key: key(inner).await?, server: hello.server_id };
    let installation: Option<InstallationId> = inner.store.read(|c| settings::get(c, "installation")).await?;
    if installation.is_none() {
        enrol(inner, http, &who).await?;
    }
    inner.set_identity(Some(who.clone()));
    Ok(who)
}

/// Where the server keeps this installation out for good: forgets that there is one, and gives the
/// name under which its key lies.
pub(crate) fn forget_refused_key(connection: &Connection) -> StoreResult<Option<String>> {
    let registration = settings::get::<AgentState>(connection, "state")?.map(|state| state.registration);
    if !matches!(registration, Some(Registration::Quarantined | Registration::Revoked)) {
        return Ok(None);
    }
    let account = settings::get(connection, "key_account")?;
    for name in ["installation", "key_account", "key_in_store"] {
        settings::remove(connection, name)?;
    }
    Ok(account)
}

async fn key(inner: &Inner) -> Result<ed25519_dalek::SigningKey, Fault> {
    if let Some(who) = inner.identity() {
        return Ok(who.key);
    }
    let new = clock::new_id((inner.clock)()).to_string();
    let (account, kept_there): (String, bool) = inner
        .store
        .write(move |tx| {
            let account = match settings::get(tx, "key_account")? {
                Some(account) => account,
                None => {
                    settings::set(tx, "key_account", &new)?;
                    deskbell_protocol::crash_point!("key.account.before");
                    new
                }
            };
            Ok((account, settings::get(tx, "key_in_store")?.unwrap_or(false)))
        })
        .await?;
    deskbell_protocol::crash_point!("key.account.after");
    let folder = inner.folders.data.clone();
    let loaded = tokio::task::spawn_blocking(move || keys::load_or_make(&folder, &account, kept_there));
    let (key, place) = loaded.await.map_err(|_| StoreError::Thread)??;
    if place == Place::File {
        inner.set_problem(Problem { code: ProblemCode::KeyStoreMissing, subject: None });
    }
    inner.store.write(move |tx| settings::set(tx, "key_in_store", &(place == Place::KeyStore))).await?;
    Ok(key)
}

async fn enrol(inner: &Inner, http: &Http, who: &Identity) -> Result<(), Fault> {
    let given: Option<String> = inner.store.read(|c| settings::get(c, "enrolment_key")).await?;
    let configured = inner.config().enrolment_key.map(|key| key.0);
    let enrolment_key = given.or(configured).ok_or(Fault::NoEnrolmentKey)?;
    let enrol = Enrol {
        enrolment_key,
        algorithm: signature::ALGORITHM.to_owned(),
        public_key: signature::key_id(&who.key.verifying_key()),
        machine_hint: context::machine_hint(),
        facts: context::facts(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        language: inner.status.borrow().language,
    };
    deskbell_protocol::crash_point!("enrol.send.before");
    let enrolled: Enrolled = http.post(who, "/enrol", &enrol).await?;
    deskbell_protocol::crash_point!("enrol.send.after");
    tracing::info!(installation = %enrolled.installation_id, "introduced");
    let effects = inner.store.write(move |tx| let_in(tx, &enrolled)).await?;
    deskbell_protocol::crash_point!("enrol.commit.after");
    inner.show(effects).await?;
    Ok(())
}

/// What the answer to an introduction changes here.
pub(crate) fn let_in(connection: &Connection, enrolled: &Enrolled) -> StoreResult<Effects> {
    let mut effects = Effects::default();
    settings::set(connection, "server", &enrolled.server_id)?;
    settings::set(connection, "installation", &enrolled.installation_id)?;
    // The same key again is the same installation, which goes on counting.
    if settings::get(connection, "counted_by")? != Some(enrolled.installation_id) {
        outbox::renumber(connection)?;
        settings::set(connection, "counted_by", &enrolled.installation_id)?;
    }
    settings::set(connection, "epoch", &0)?;
    settings::set(connection, "cursor", &0)?;
    // It has done its work; what is secret is not kept longer than needed.
    settings::remove(connection, "enrolment_key")?;
    sync::apply_state(connection, &enrolled.state, &mut effects)?;
    deskbell_protocol::crash_point!("enrol.commit.before");
    Ok(effects)
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::error::{ErrorBody, ErrorDetails};

    use super::*;

    #[tokio::test]
    async fn work_that_fell_over_begins_again() {
        let times = std::cell::Cell::new(0);
        tireless(Duration::ZERO, || async {
            times.set(times.get() + 1);
            assert!(times.get() > 2, "a defect");
        })
        .await;
        assert_eq!(times.get(), 3);
    }

    #[test]
    fn pauses_grow_to_a_minute_and_differ_between_agents() {
        for (failures, longest) in [(1, 2), (2, 4), (4, 16), (7, 60), (60, 60)] {
            assert_eq!(backoff(failures, 1.0), Duration::from_secs(longest), "{failures}");
            assert_eq!(backoff(failures, 0.5), Duration::from_secs(longest) / 2, "{failures}");
        }
        assert_eq!(backoff(1, 0.0), SHORTEST_PAUSE, "never in a circle");
    }

    #[test]
    fn a_pause_that_the_server_asks_for_is_made() {
        let refused = |retry_after| {
            let (code, message) = (ErrorCode::TooManyRequests, String::new());
            let details = ErrorDetails { retry_after, ..ErrorDetails::default() };
            Fault::Http(HttpError::Refused(Box::new(ErrorBody { code, message, details })))
        };
        assert_eq!(pause(&refused(Some(90)), 1, 0.5), Duration::from_secs(90));
        assert_eq!(pause(&refused(Some(0)), 1, 0.5), Duration::from_secs(1));
        assert_eq!(pause(&refused(Some(u64::MAX)), 1, 0.5), LONGEST_WISH);
        assert_eq!(pause(&refused(None), 1, 0.5), Duration::from_secs(1));
    }
}
