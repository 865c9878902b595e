use deskbell_protocol::id::ClientId;

use super::*;
use crate::db::Text;

fn told(id: i64, installation: u128, registration: Registration) -> LiveEvent {
    LiveEvent {
        id,
        client_id: Some(Text(ClientId(uuid::Uuid::from_u128(1)))),
        installation_id: Some(Text(agent(installation))),
        registration: Some(Text(registration)),
        event: "{}".to_owned(),
    }
}

fn agent(number: u128) -> InstallationId {
    InstallationId(uuid::Uuid::from_u128(number))
}

/// What has come by now, and whether the connection goes on.
fn heard(following: &mut Following) -> (usize, bool) {
    let mut count = 0;
    loop {
        match following.said.try_recv() {
            Ok(_) => count += 1,
            Err(end) => return (count, end == mpsc::TryRecvError::Empty),
        }
    }
}

#[test]
fn each_is_told_what_concerns_it_at_every_connection() {
    let live = Live::default();
    let (mut one, mut again, mut other) = (live.follow(agent(1)), live.follow(agent(1)), live.follow(agent(2)));
    live.pass_on(vec![told(1, 1, Registration::Accepted), told(2, 3, Registration::Accepted)]);
    assert_eq!((heard(&mut one), heard(&mut again), heard(&mut other)), ((1, true), (1, true), (0, true)));
}

#[test]
fn more_agents_than_any_backlog_are_all_told() {
    let live = Live::default();
    let mut all: Vec<_> = (0..10_000).map(|number| live.follow(agent(number))).collect();
    live.pass_on((0..10_000).map(|n| told(n, n.unsigned_abs().into(), Registration::Accepted)).collect());
    assert!(all.iter_mut().all(|one| heard(one) == (1, true)), "one click reaches everybody");
}

#[test]
fn a_connection_ends_with_its_registration() {
    let live = Live::default();
    let mut one = live.follow(agent(1));
    live.pass_on(vec![told(1, 1, Registration::Revoked)]);
    assert_eq!(heard(&mut one), (0, false), "it is told nothing any more");
}

#[test]
fn who_falls_behind_comes_back_and_holds_up_nobody() {
    let live = Live::default();
    let (mut slow, mut quick) = (live.follow(agent(1)), live.follow(agent(2)));
    for id in 0..=i64::try_from(AGENT_BACKLOG).unwrap() {
        live.pass_on(vec![told(id, 1, Registration::Accepted), told(id, 2, Registration::Accepted)]);
        assert_eq!(heard(&mut quick), (1, true));
    }
    assert_eq!(heard(&mut slow), (AGENT_BACKLOG, false));
}

#[test]
fn connections_that_have_gone_leave_nothing_behind() {
    let live = Live::default();
    let (one, again) = (live.follow(agent(1)), live.follow(agent(1)));
    drop(one);
    assert_eq!(live.agents.lock().unwrap().of.len(), 1);
    drop(again);
    assert!(live.agents.lock().unwrap().of.is_empty());
}

#[test]
fn an_id_that_commits_late_is_news_once() {
    let mut progress = Progress::from(&[5, 7], 7, 0);
    assert_eq!((progress.last, progress.missed()), (7, vec![6]), "6 may still come");
    assert!(!progress.is_new(7, 1));
    assert!(progress.is_new(9, 1));
    assert!(progress.is_new(6, 2));
    assert!(!progress.is_new(6, 2));
    assert_eq!((progress.last, progress.missed()), (9, vec![8]));
    progress.forget(OVERLAP + 1);
    assert_eq!(progress.missed(), Vec::<i64>::new(), "8 was rolled back, and is waited for no longer");
}

#[test]
fn a_table_that_was_emptied_makes_no_endless_gap() {
    let mut progress = Progress::from(&[], 0, 0);
    assert!(progress.is_new(1 << 40, 1));
    assert!(progress.missing.len() <= usize::try_from(WIDEST).unwrap());
}
