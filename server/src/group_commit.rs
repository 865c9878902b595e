//! Many requests, one commit. A commit waits for the disk, and on SQLite there is one writer: what arrives
//! while it waits is written together, and flushed once. Nobody is answered before the commit that holds
//! their rows. PostgreSQL has many writers, and flushes for several of them by itself.
//!
//! A batch in which anything fails leaves nothing behind, and its parts are repeated one by one, each in a
//! transaction of its own: one failure never fails its neighbours.

use std::panic::AssertUnwindSafe;

use deskbell_protocol::{crash_point, mutant};
use futures::{FutureExt, future::BoxFuture};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{
    db::{Db, Tx},
    error::{ApiError, ApiResult},
};

/// Parts of one commit: more would let the first of them wait for too long.
const BATCH: usize = 256;

/// Where requests leave what they write.
#[derive(Clone, Debug)]
pub struct GroupCommit {
    db: Db,
    parts: mpsc::UnboundedSender<Box<dyn Part>>,
}

impl GroupCommit {
    /// Writes what it is given for as long as anybody may give it something.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (group, given) = Self::new(db);
        if let Db::Sqlite(_) = group.db {
            write_on_a_thread(group.db.clone(), given);
        }
        group
    }

    fn new(db: Db) -> (Self, Given) {
        let (parts, given) = mpsc::unbounded_channel();
        (Self { db, parts }, given)
    }

    /// Runs `work` in a transaction, and returns when that is durable. It may run twice: what the first
    /// time wrote is gone by then. It is done even where nobody waits for its answer any more.
    ///
    /// # Errors
    /// What `work` fails with, or the commit; nothing of it is stored then.
    pub async fn write<T, W>(&self, work: W) -> ApiResult<T>
    where
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, ApiResult<T>> + Send + 'static,
    {
        if let Db::Postgres(_) = self.db {
            let mut tx = self.db.write().await?;
            let done = work(&mut tx).await?;
            commit(tx, &mut Vec::new()).await?;
            return Ok(done);
        }
        let (answer, answered) = oneshot::channel();
        let part = Box::new(Work { work, done: None, answer });
        self.parts.send(part).map_err(|_| ApiError::internal(&"nobody writes any more"))?;
        answered.await.map_err(|_| ApiError::internal(&"nobody writes any more"))?
    }
}

/// What one request writes, whatever its answer is.
trait Part: Send {
    /// Writes it. False where it failed, and nothing that the transaction holds may be kept.
    fn attempt<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool>;
    /// Tells its request what came of it: `failed` where the commit did.
    fn answer(self: Box<Self>, failed: Option<ApiError>);
}

struct Work<T, W> {
    work: W,
    done: Option<ApiResult<T>>,
    answer: oneshot::Sender<ApiResult<T>>,
}

impl<T, W> Part for Work<T, W>
where
    T: Send,
    W: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, ApiResult<T>> + Send,
{
    fn attempt<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, bool> {
        // What an earlier attempt said was rolled back with it.
        self.done = None;
        let work = (self.work)(tx);
        let done = &mut self.done;
        Box::pin(async move { done.insert(work.await).is_ok() })
    }

    fn answer(self: Box<Self>, failed: Option<ApiError>) {
        let Self { done, answer, .. } = *self;
        let fell_over = || Err(ApiError::internal(&"what was to be written fell over"));
        // Whoever asked may have gone; it is stored all the same.
        let _ = answer.send(failed.map_or_else(|| done.unwrap_or_else(fell_over), Err));
    }
}

type Given = mpsc::UnboundedReceiver<Box<dyn Part>>;

/// A thread of its own: statements and commits hold it, and requests go on meanwhile.
fn write_on_a_thread(db: Db, given: Given) {
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        futures::executor::block_on(run(db, given));
    });
}

async fn run(db: Db, mut given: Given) {
    let mut batch = Vec::new();
    while given.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() > 1 && together(&db, &mut batch).await {
            batch.drain(..).for_each(|part| part.answer(None));
        }
        for part in batch.drain(..) {
            alone(&db, part).await;
        }
    }
}

/// All of them in one commit. False where anything failed: nothing is stored then.
async fn together(db: &Db, batch: &mut Vec<Box<dyn Part>>) -> bool {
    let Ok(mut tx) = db.write().await else { return false };
    for part in batch.iter_mut() {
        if !attempted(part.as_mut(), &mut tx).await {
            return false;
        }
    }
    commit(tx, batch).await.is_ok()
}

/// One in a commit of its own.
async fn alone(db: &Db, part: Box<dyn Part>) {
    let mut batch = vec![part];
    let written = async {
        let mut tx = db.write().await?;
        if attempted(batch[0].as_mut(), &mut tx).await { commit(tx, &mut batch).await } else { Ok(()) }
    };
    let mut failed = written.await.err();
    for part in batch {
        part.answer(failed.take().map(ApiError::from));
    }
}

async fn commit(tx: Tx, batch: &mut Vec<Box<dyn Part>>) -> sqlx::Result<()> {
    if mutant!("receipt.early") {
        batch.drain(..).for_each(|part| part.answer(None));
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    crash_point!("ingest.commit.before");
    tx.commit().await?;
    crash_point!("ingest.commit.after");
    Ok(())
}

/// A part that falls over has failed, and nobody else with it.
async fn attempted(part: &mut dyn Part, tx: &mut Tx) -> bool {
    AssertUnwindSafe(part.attempt(tx)).catch_unwind().await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
