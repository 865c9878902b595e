use std::{
    cell::Cell,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use deskbell_protocol::error::ErrorCode;

use super::*;
use crate::{db::attempts, sql};

struct Opened {
    group: GroupCommit,
    /// Until the writer begins.
    given: Cell<Option<Given>>,
    _folder: tempfile::TempDir,
}

async fn opened() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::sqlite(&folder.path().join("deskbell.db")).await.unwrap();
    let (group, given) = GroupCommit::new(db);
    Opened { group, given: Cell::new(Some(given)), _folder: folder }
}

/// What the table holds, in the order of writing.
async fn rows(tx: &mut Tx) -> Vec<i64> {
    let rows: Vec<(i64,)> = sql!(all tx, (i64,), "select at from attempts order by rowid").unwrap();
    rows.into_iter().map(|(at,)| at).collect()
}

impl Opened {
    /// Asks for all of these before the writer begins, so that they are one batch.
    async fn together<F: Future>(&self, all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
        let mut all = Box::pin(futures::future::join_all(all));
        assert!(futures::poll!(&mut all).is_pending(), "nobody writes yet");
        self.begin();
        all.await
    }

    fn begin(&self) {
        if let Some(given) = self.given.take() {
            write_on_a_thread(self.group.db.clone(), given);
        }
    }

    async fn stored(&self) -> Vec<i64> {
        rows(&mut self.group.db.read().await.unwrap()).await
    }

    /// Writes a row, and fails afterwards where `fails` says so.
    async fn write(&self, at: i64, fails: impl Fn() -> bool + Send + Sync + 'static) -> ApiResult<i64> {
        let fails = Arc::new(fails);
        let work = self.group.write(move |tx| {
            let fails = Arc::clone(&fails);
            Box::pin(async move {
                attempts::record(tx, "bucket", at).await?;
                if fails() { Err(ApiError::conflict(ErrorCode::Conflict, "as asked")) } else { Ok(at) }
            })
        });
        work.await
    }
}

#[tokio::test]
async fn what_comes_together_is_stored_in_its_order_and_answered_each() {
    let opened = opened().await;
    let all = opened.together((0..600).map(|at| opened.write(at, || false))).await;
    let answers: Vec<i64> = all.into_iter().map(|answer| answer.unwrap()).collect();
    assert_eq!(answers, (0..600).collect::<Vec<_>>(), "each gets its own answer");
    assert_eq!(opened.stored().await, answers, "in the order in which they came");
}

#[tokio::test]
async fn one_that_fails_never_fails_its_neighbours() {
    let opened = opened().await;
    let all = opened.together((0..40).map(|at| opened.write(at, move || at % 7 == 3))).await;
    for (at, answer) in (0..).zip(&all) {
        assert_eq!(answer.is_err(), at % 7 == 3, "{at}");
    }
    let expected: Vec<i64> = (0..40).filter(|at| at % 7 != 3).collect();
    assert_eq!(opened.stored().await, expected, "nothing of a failure is left, and each of the others once");
}

#[tokio::test]
async fn one_that_falls_over_takes_nobody_along() {
    let opened = opened().await;
    let falls = |at| {
        move || {
            assert!(at != 4, "a defect");
            false
        }
    };
    let all = opened.together((0..10).map(|at| opened.write(at, falls(at)))).await;
    assert_eq!(all.iter().filter(|answer| answer.is_err()).count(), 1);
    assert!(opened.write(99, || false).await.is_ok(), "the writer goes on");
    assert_eq!(opened.stored().await, [0, 1, 2, 3, 5, 6, 7, 8, 9, 99]);
}

#[tokio::test]
async fn what_was_rolled_back_is_never_answered_as_done() {
    let opened = opened().await;
    let tries = AtomicU32::new(0);
    let falls_the_second_time = move || {
        assert!(tries.fetch_add(1, Ordering::Relaxed) == 0, "a defect");
        false
    };
    let falls: Pin<Box<dyn Future<Output = ApiResult<i64>>>> = Box::pin(opened.write(1, falls_the_second_time));
    let answers = opened.together([falls, Box::pin(opened.write(2, || true))]).await;
    assert!(answers.iter().all(Result::is_err), "its first attempt went with its neighbour's");
    assert!(opened.stored().await.is_empty());
}

#[tokio::test]
async fn who_overlooks_a_failed_statement_is_not_told_that_it_is_stored() {
    let opened = opened().await;
    // There is no such technician.
    let leaves = opened.group.write(|tx| {
        Box::pin(async move {
            let _ = sql!(
                execute tx,
                "insert into sessions (id_hash, technician_id, csrf, created_at, expires_at) values ('', 'nobody', '', 0, 0)"
            );
            Ok(())
        })
    });
    let tolerates =
        opened.group.write(|tx| Box::pin(async move { Ok(attempts::record(tx, "bucket", 2).await.is_ok()) }));
    let mut both = Box::pin(async { tokio::join!(leaves, tolerates) });
    assert!(futures::poll!(&mut both).is_pending(), "nobody writes yet");
    opened.begin();
    let (left, tolerated) = both.await;
    assert!(left.is_err(), "it is said to be stored");
    assert!(tolerated.unwrap(), "its neighbour's failure was its own");
    assert_eq!(opened.stored().await, [2], "and half of the neighbour's would have been stored");
}

#[tokio::test]
async fn what_comes_together_shares_a_commit_and_nobody_sees_a_part_of_it() {
    let opened = opened().await;
    let db = opened.group.db.clone();
    let last = opened.group.write(move |tx| {
        let db = db.clone();
        Box::pin(async move { Ok((rows(tx).await.len(), rows(&mut db.read().await?).await.len())) })
    });
    let mut others = Box::pin(futures::future::join_all((0..50).map(|at| opened.write(at, || false))));
    assert!(futures::poll!(&mut others).is_pending());
    let (last, _) = tokio::join!(last, async {
        opened.begin();
        others.await
    });
    assert_eq!(last.unwrap(), (50, 0), "all of them are in one transaction, which is not yet committed");
    assert_eq!(opened.stored().await.len(), 50);
}

#[tokio::test]
async fn what_was_begun_is_finished_where_nobody_waits_any_more() {
    let opened = opened().await;
    opened.begin();
    let busy = opened.group.db.write().await.unwrap();
    {
        let mut gone = Box::pin(opened.write(7, || false));
        assert!(futures::poll!(&mut gone).is_pending(), "the writer is busy");
    }
    drop(busy);
    assert!(opened.write(8, || false).await.is_ok());
    assert_eq!(opened.stored().await, [7, 8], "a client that went away loses nothing");
}
