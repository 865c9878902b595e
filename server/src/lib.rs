//! The Deskbell server: the agents' and the console's API over SQLite or PostgreSQL.

use std::{io, net::SocketAddr, sync::Arc};

use deskbell_protocol::{Millis, id::ServerId};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;
use url::Url;

pub mod api;
pub mod auth;
pub mod blobs;
pub mod clock;
pub mod config;
pub mod db;
mod describe;
pub mod enablement;
pub mod epochs;
pub mod error;
mod extract;
pub mod folders;
pub mod group_commit;
mod http;
mod indexer;
pub mod intake;
pub mod jobs;
pub mod live;
pub mod mail;
mod pages;
pub mod routes;
pub mod secrets;
mod texts;
pub mod ticket_status;
pub mod updates;
pub mod words;

use blobs::{Blobs, Uploads};
use clock::Clock;
use config::Config;
use db::Db;
use group_commit::GroupCommit;
use live::Live;
use mail::Mailer;
use updates::Updates;

/// What every handler gets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub db: Db,
    /// What agents write, many of them at the same moment.
    pub group: GroupCommit,
    pub blobs: Blobs,
    pub uploads: Uploads,
    pub updates: Updates,
    pub live: Live,
    pub mailer: Mailer,
    /// Wakes the worker after a commit that wrote a job.
    pub jobs: Notify,
    /// Wakes the indexer, likewise.
    pub words: Notify,
    pub clock: Clock,
    pub config: Config,
    pub public_url: Url,
    pub server_id: ServerId,
    /// Keys HMACs.
    pub secret: String,
    /// Ends live connections.
    pub shutdown: CancellationToken,
    /// Held as long as the server runs: a second one on the same folder is refused.
    _lock: Option<std::fs::File>,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// Why the server does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the data folder {folder} cannot be used: {error}; set data_dir to one that this user may write")]
    Folder { folder: String, error: io::Error },
    #[error("another server works on {0}; SQLite takes one server, PostgreSQL takes several (set database_url)")]
    Locked(String),
    #[error(transparent)]
    Database(#[from] db::OpenError),
    #[error("the database does not answer: {0}")]
    Sqlx(#[from] sqlx::Error),
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    #[error("cannot listen on {address}: {error}; another program may, or set listen to another address")]
    Listen { address: SocketAddr, error: io::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl App {
    /// Opens database, folder and mail.
    ///
    /// # Errors
    /// Where one of them cannot be used.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, StartError> {
        let folder = |error| StartError::Folder { folder: config.data_dir.display().to_string(), error };
        folders::make(&config.data_dir).map_err(folder)?;
        let blobs = Blobs::open(&config.data_dir.join("attachments")).map_err(folder)?;
        let (db, lock) = match &config.database_url {
            Some(url) => (Db::postgres(url).await?, None),
            None => {
                let lock = lock(&config)?;
                (Db::sqlite(&config.data_dir.join("deskbell.db")).await?, Some(lock))
            }
        };
        let (server_id, secret) = identity(&db, clock()).await?;
        Ok(Self(Arc::new(Inner {
            group: GroupCommit::start(db.clone()),
            db,
            blobs,
            uploads: Uploads::default(),
            updates: Updates::new(config.updates_dir(), config.update_downloads),
            live: Live::default(),
            mailer: Mailer::open(&config)?,
            jobs: Notify::new(),
            words: Notify::new(),
            clock,
            public_url: config.public_url(),
            config,
            server_id,
            secret,
            shutdown: CancellationToken::new(),
            _lock: lock,
        })))
    }

    #[must_use]
    pub fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Called after every commit: live connections and the worker look for what is new.
    pub fn committed(&self) {
        if deskbell_protocol::mutant!("mail.outside") {
            tokio::spawn(write_late(self.clone()));
        }
        self.live.wake();
        self.jobs.notify_one();
        self.words.notify_one();
    }

    /// A new one-time code for the first-run set-up, where that is still open. Only its hash is kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn new_setup_code(&self) -> sqlx::Result<Option<String>> {
        use deskbell_protocol::secret::{TOKEN_ALPHABET, token_from};
        let below = u8::try_from(TOKEN_ALPHABET.len()).unwrap_or(u8::MAX);
        let code = format!("{}-{}", token_from(clock::random_indices(below)), token_from(clock::random_indices(below)));
        let mut tx = self.db.write().await?;
        let open = db::organization::find(&mut tx).await?.is_some_and(|organization| organization.name.is_none());
        if open {
            db::organization::set_setup_code(&mut tx, &secrets::sha256(&code.replace('-', ""))).await?;
        }
        tx.commit().await?;
        Ok(open.then_some(code))
    }
}

/// What the mutant `mail.outside` does after a commit: only now is the mail's job written.
async fn write_late(app: App) -> sqlx::Result<()> {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let late = std::mem::take(&mut *db::jobs::LATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    for (id, kind, payload, now) in late {
        let mut tx = app.db.write().await?;
        db::jobs::insert(&mut tx, id, &kind, &payload, now).await?;
        tx.commit().await?;
        app.jobs.notify_one();
    }
    Ok(())
}

/// Why a password was not set. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password needs {} characters or more; a sentence is fine", secrets::PASSWORD_CHARS)]
    TooShort,
    #[error("nobody signs in with {0}; see the console's technicians for the addresses")]
    Unknown(String),
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    #[error(transparent)]
    Open(#[from] db::OpenError),
    #[error("the database does not answer: {0}")]
    Sqlx(#[from] sqlx::Error),
}

/// Gives a technician a new password and ends their sessions. It may run beside the server.
///
/// # Errors
/// Where the password is too short, nobody has the address, or the database cannot be used.
pub async fn set_password(config: &Config, email: &str, password: String) -> Result<(), PasswordError> {
    if password.chars().count() < secrets::PASSWORD_CHARS || password.len() > secrets::PASSWORD_BYTES {
        return Err(PasswordError::TooShort);
    }
    let db = match &config.database_url {
        Some(url) => Db::postgres(url).await?,
        None => Db::sqlite(&config.data_dir.join("deskbell.db")).await?,
    };
    let hash = secrets::hash_password(password).await.map_err(PasswordError::Hash)?;
    let email = email.trim().to_lowercase();
    let mut tx = db.write().await?;
    let found = db::technicians::by_email(&mut tx, &email).await?;
    let technician = found.ok_or(PasswordError::Unknown(email))?;
    db::technicians::set_password(&mut tx, technician.id.0, &hash).await?;
    db::sessions::end_of(&mut tx, technician.id.0).await?;
    tx.commit().await?;
    db.close().await;
    Ok(())
}

fn lock(config: &Config) -> Result<std::fs::File, StartError> {
    let path = config.data_dir.join("lock");
    let file = std::fs::File::create(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::Locked(config.data_dir.display().to_string())),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

async fn identity(db: &Db, now: Millis) -> sqlx::Result<(ServerId, String)> {
    let mut tx = db.write().await?;
    db::organization::create(&mut tx, ServerId(clock::new_id(now)), &secrets::random_text(), now).await?;
    let organization = db::organization::find(&mut tx).await?.ok_or(sqlx::Error::RowNotFound)?;
    tx.commit().await?;
    Ok((organization.server_id.0, organization.secret))
}

/// Lets this program have as many files and connections open as the system allows it to: each connected agent is one,
/// and what it starts with is a thousand. Says how many those are.
#[cfg(unix)]
pub fn allow_connections() -> io::Result<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// Serves until `shutdown`: then stops accepting, closes live connections, finishes what was begun.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, app: App, shutdown: CancellationToken) -> io::Result<()> {
    let worker = tokio::spawn(jobs::run(app.clone(), shutdown.clone()));
    let indexer = tokio::spawn(indexer::run(app.clone(), shutdown.clone()));
    let live = tokio::spawn(app.live.clone().run(app.db.clone(), app.clock, shutdown.clone()));
    let online = tokio::spawn(live::keep_online(app.clone(), shutdown.clone()));
    let served = http::serve(listener, routes::router(app.clone()), app.shutdown.clone(), shutdown).await;
    for task in [worker, indexer, live, online] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task fell over");
        }
    }
    app.db.close().await;
    served
}
