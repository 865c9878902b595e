//! Replies keep their order, whatever becomes of one of them.

use super::*;

fn ticket_id() -> TicketId {
    TicketId(Uuid::from_u128(1))
}

async fn replies(store: &Store, ids: &'static [u128]) {
    write(store, move |c| {
        for id in ids {
            let sequence = outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))?;
            outbox::insert(c, &reply(*id, sequence))?;
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_reply_that_is_discarded_leaves_no_gap() {
    let (_folder, store) = store();
    let sequences = write(&store, |c| {
        for id in [11, 12, 13] {
            let sequence = outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))?;
            outbox::insert(c, &reply(id, sequence))?;
        }
        let second = outbox::find(c, Uuid::from_u128(12))?.unwrap();
        assert_eq!(second.kind(), EntryKind::Reply);
        outbox::discard(c, &second)?;
        let next = outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))?;
        outbox::insert(c, &reply(14, next))?;
        outbox::undelivered(c)
    })
    .await;
    let sequences: Vec<u32> = sequences
        .iter()
        .map(|entry| if let OutboxItem::Reply(reply) = &entry.item { reply.sequence } else { 0 })
        .collect();
    assert_eq!(sequences, [1, 2, 3]);
}

#[tokio::test]
async fn a_reply_whose_place_is_taken_is_discarded_and_the_next_one_has_a_free_one() {
    let (_folder, store) = store();
    replies(&store, &[11, 12]).await;
    let sent = vec![reply(11, 1).item];
    let next = write(&store, move |c| {
        apply(c, &sent, &answer(vec![refused(11, ErrorCode::ContentConflict)]), 2)?;
        outbox::discard(c, &outbox::find(c, Uuid::from_u128(11))?.unwrap())?;
        outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))
    })
    .await;
    assert_eq!(next, 3, "one is stored in the first place, and another waits in the second");
}

#[tokio::test]
async fn another_installation_counts_from_one() {
    let (_folder, store) = store();
    let sequences = write(&store, |c| {
        for id in [11, 12, 13] {
            let sequence = outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))?;
            outbox::insert(c, &reply(id, sequence))?;
        }
        outbox::accept(c, Uuid::from_u128(11), 1, &[], 5)?;
        outbox::renumber(c)?;
        let next = outbox::next_sequence(c, TicketId(Uuid::from_u128(1)))?;
        let waiting = outbox::undelivered(c)?;
        let of = |entry: &outbox::Entry| if let OutboxItem::Reply(reply) = &entry.item { reply.sequence } else { 0 };
        Ok((waiting.iter().map(of).collect::<Vec<_>>(), next))
    })
    .await;
    assert_eq!(sequences, (vec![1, 2], 3));
}

#[tokio::test]
async fn a_refused_reply_keeps_none_of_the_others_waiting() {
    let (_folder, store) = store();
    replies(&store, &[11, 12, 13]).await;
    let sent = vec![reply(11, 1).item];
    write(&store, move |c| apply(c, &sent, &answer(vec![refused(11, ErrorCode::NotAllowed)]), 2)).await;
    let rest = write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items;
    assert_eq!(rest, [reply(12, 1).item, reply(13, 2).item]);
}

#[tokio::test]
async fn what_another_person_could_not_send_goes_when_its_author_is_back() {
    let (_folder, store) = store();
    let other = RequesterId(Uuid::from_u128(8));
    replies(&store, &[11, 12]).await;
    let sent = vec![reply(11, 1).item, reply(12, 2).item];
    let answers = vec![refused(11, ErrorCode::AuthorChanged), refused(12, ErrorCode::TicketClosed)];
    let effects = write(&store, move |c| {
        let mut effects = Effects::default();
        apply(c, &sent, &answer(answers), 2)?;
        apply_state(c, &state(Some(other)), &mut effects)?;
        assert!(request(c, &SAID, &HashSet::new(), SYNC_ITEMS)?.items.is_empty(), "it is another person's");
        apply_state(c, &state(Some(PERSON)), &mut effects)?;
        Ok(effects)
    })
    .await;
    assert_eq!(effects.entries.len(), 1, "what the server refuses for another reason stays refused");
    let waiting = write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items;
    assert_eq!(waiting, [reply(11, 1).item]);
}

#[test]
fn what_comes_behind_a_refused_one_is_sent_again_at_once() {
    let mut round = Round { size: SYNC_ITEMS, skip: HashSet::new(), culprits: Vec::new() };
    let deferred =
        |id, code| Receipt { id: Uuid::from_u128(id), outcome: Outcome::Deferred { code, message: String::new() } };
    let state = AgentState { revision: 0, ..state(Some(PERSON)) };
    let receipts = vec![refused(11, ErrorCode::NotAllowed), deferred(12, ErrorCode::Conflict)];
    assert!(round.answered(&empty_request(), &SyncResponse { state: state.clone(), ..answer(receipts) }));
    assert!(round.skip.is_empty());
    let receipts = vec![deferred(12, ErrorCode::NotEnabled)];
    assert!(!round.answered(&empty_request(), &SyncResponse { state, ..answer(receipts) }));
    assert!(round.skip.contains(&Uuid::from_u128(12)), "it waits for the next round");
}

#[tokio::test]
async fn what_waits_goes_in_the_order_of_its_writing_whatever_the_clock_said() {
    let (_folder, store) = store();
    write(&store, |c| {
        outbox::insert(c, &outbox::Entry { written_at: 9, ..reply(11, outbox::next_sequence(c, ticket_id())?) })?;
        // The clock was set back.
        outbox::insert(c, &outbox::Entry { written_at: 1, ..reply(12, outbox::next_sequence(c, ticket_id())?) })?;
        outbox::renumber(c)
    })
    .await;
    let waiting = write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items;
    let sent: Vec<Uuid> = waiting.iter().map(OutboxItem::id).collect();
    assert_eq!(sent, [Uuid::from_u128(11), Uuid::from_u128(12)], "the first one written is the first one sent");
    let places: Vec<u32> = waiting
        .iter()
        .filter_map(|item| if let OutboxItem::Reply(reply) = item { Some(reply.sequence) } else { None })
        .collect();
    assert_eq!(places, [1, 2], "a new installation counts in the same order");
}

#[tokio::test]
async fn replies_move_up_where_a_restored_server_lacks_those_before() {
    let (_folder, store) = store();
    let (moved, places) = write(&store, |c| {
        for (id, sequence) in [(11, 3), (12, 4)] {
            outbox::insert(c, &reply(id, sequence))?;
        }
        let deferred = |id| Receipt {
            id: Uuid::from_u128(id),
            outcome: Outcome::Deferred { code: ErrorCode::Conflict, message: String::new() },
        };
        let sent = request(c, &SAID, &HashSet::new(), SYNC_ITEMS)?.items;
        let receipts = vec![deferred(11), deferred(12)];
        let response = SyncResponse { state: state(Some(PERSON)), ..answer(receipts) };
        let effects = settle(c, &sent, &response, Vec::new(), 5)?;
        let waiting = request(c, &SAID, &HashSet::new(), SYNC_ITEMS)?.items;
        let places: Vec<u32> = waiting
            .iter()
            .filter_map(|item| if let OutboxItem::Reply(reply) = item { Some(reply.sequence) } else { None })
            .collect();
        Ok((effects.moved, places))
    })
    .await;
    assert_eq!(moved, [Uuid::from_u128(11)], "the second one waits for the first, as ever");
    assert_eq!(places, [2, 3], "and both are a place nearer to their turn");
}
