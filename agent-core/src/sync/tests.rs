use deskbell_protocol::{
    conversation::{Author, AuthorKind, LastMessage, TicketSummary},
    device::{Confirmation, Registration},
    id::{AttachmentId, MessageId, RequesterId, TicketId},
    sync::UploadProgress,
    ticket::{Affected, AttachmentRole, NewReply, NewTicket, Priority, Status, TicketType},
};

use super::*;
use crate::{
    store::Store,
    view::{EntryKind, FileProgress, News},
};

mod places;

const PERSON: RequesterId = RequesterId(Uuid::from_u128(7));
const FILE: AttachmentId = AttachmentId(Uuid::from_u128(70));
const SAID: Said = Said { hotkey: HotkeyState::Registered, language: Language::En, facts: NAMELESS };
const NAMELESS: DeviceFacts = DeviceFacts {
    name: String::new(),
    os: String::new(),
    platform: String::new(),
    model: None,
    serial: None,
    os_user: String::new(),
    ip: None,
};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 0).unwrap().store;
    (folder, store)
}

fn state(person: Option<RequesterId>) -> AgentState {
    AgentState {
        registration: Registration::Accepted,
        enabled: true,
        revision: 3,
        organization: "Halden IT".into(),
        client: "Northwind".into(),
        settings: Vec::new(),
        domains: Vec::new(),
        confirmation: person.map(|requester_id| Confirmation {
            requester_id,
            name: "Camille Martin".into(),
            email: "c@northwind.example".into(),
            confirmed_at: 0,
            vouched: false,
        }),
    }
}

fn ticket(id: u128, author: Option<RequesterId>, files: Vec<FileProgress>) -> outbox::Entry {
    let ticket = TicketId(Uuid::from_u128(id));
    outbox::Entry {
        id: ticket.0,
        ticket,
        subject: format!("ticket {id}"),
        author,
        item: OutboxItem::Ticket(NewTicket {
            id: ticket,
            author: author.unwrap_or(RequesterId(Uuid::nil())),
            ticket_type: TicketType::Incident,
            subject: format!("ticket {id}"),
            description: String::new(),
            can_work: None,
            affected: Affected::Me,
            attachments: Vec::new(),
            context: Default::default(),
            language: Language::En,
            written_at: 1,
        }),
        reason: None,
        refused: false,
        number: None,
        delivered: false,
        written_at: 1,
        files,
    }
}

fn reply(id: u128, sequence: u32) -> outbox::Entry {
    let item = OutboxItem::Reply(NewReply {
        id: MessageId(Uuid::from_u128(id)),
        author: PERSON,
        ticket: TicketId(Uuid::from_u128(1)),
        sequence,
        text: "and another thing".into(),
        attachments: Vec::new(),
        written_at: 1,
    });
    outbox::Entry { id: Uuid::from_u128(id), ticket: item.ticket(), item, ..ticket(1, Some(PERSON), Vec::new()) }
}

fn file() -> FileProgress {
    FileProgress { id: FILE, role: AttachmentRole::File, name: "scan.pdf".into(), size: 10, sent: 0, complete: false }
}

fn answer(receipts: Vec<Receipt>) -> SyncResponse {
    let state = state(Some(PERSON));
    SyncResponse { server_time: 0, epoch: 5, state, receipts, tickets: Vec::new(), cursor: 9, more: false }
}

/// A ticket to which a technician replied last.
fn summary(id: u128) -> TicketSummary {
    TicketSummary {
        id: TicketId(Uuid::from_u128(id)),
        number: 7,
        ticket_type: TicketType::Incident,
        subject: "Printer".into(),
        status: Status::Open,
        priority: Priority::Normal,
        received_at: 0,
        updated_at: 0,
        last_message: Some(LastMessage {
            id: MessageId(Uuid::from_u128(100 + id)),
            author: Author { kind: AuthorKind::Technician, name: "Ada".into(), verified_device: false },
            excerpt: "Which one?".into(),
            received_at: 0,
        }),
    }
}

async fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&Connection) -> StoreResult<T> + Send + 'static,
) -> T {
    store.write(move |tx| work(tx)).await.unwrap()
}

#[tokio::test]
async fn nothing_is_sent_before_somebody_is_confirmed_and_everything_after() {
    let (_folder, store) = store();
    write(&store, |c| outbox::insert(c, &ticket(1, None, Vec::new()))).await;
    let items = |request: SyncRequest| request.items;
    assert!(items(write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await).is_empty());
    let effects = write(&store, |c| {
        let mut effects = Effects::default();
        apply_state(c, &state(Some(PERSON)), &mut effects)?;
        Ok(effects)
    })
    .await;
    assert!(matches!(effects.news[..], [News::Confirmed { .. }]));
    let sent = items(write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await);
    let [OutboxItem::Ticket(ticket)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(ticket.author, PERSON);
}

#[tokio::test]
async fn an_exchange_takes_the_first_that_may_be_sent_and_passes_over_the_others() {
    let (_folder, store) = store();
    let sent = write(&store, |c| {
        for (id, author) in [(1, Some(PERSON)), (2, None), (3, Some(PERSON)), (4, Some(PERSON)), (5, Some(PERSON))] {
            outbox::insert(c, &ticket(id, author, Vec::new()))?;
        }
        outbox::accept(c, Uuid::from_u128(1), 9, &[], 5)?;
        outbox::hold(c, Uuid::from_u128(3), &reason(ErrorCode::TicketClosed, "closed"), true)?;
        for entry in outbox::undelivered(c)? {
            let queued = outbox::queued(c, 9)?.iter().any(|one| one.id == entry.id);
            assert_eq!(queued, entry.state() == EntryState::Queued, "{}", entry.subject);
        }
        Ok((request(c, &SAID, &HashSet::new(), 1)?, request(c, &SAID, &HashSet::from([Uuid::from_u128(4)]), 1)?))
    })
    .await;
    let ids = |request: SyncRequest| request.items.iter().map(OutboxItem::id).collect::<Vec<_>>();
    assert_eq!((ids(sent.0), ids(sent.1)), (vec![Uuid::from_u128(4)], vec![Uuid::from_u128(5)]));
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_again_the_same() {
    let (_folder, store) = store();
    write(&store, |c| outbox::insert(c, &ticket(1, Some(PERSON), vec![file()]))).await;
    let first = write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items;
    let second = write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items;
    assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
}

#[tokio::test]
async fn a_ticket_is_delivered_when_its_last_byte_is() {
    let (_folder, store) = store();
    let id = Uuid::from_u128(1);
    let sent = vec![ticket(1, Some(PERSON), vec![file()]).item];
    write(&store, |c| outbox::insert(c, &ticket(1, Some(PERSON), vec![file()]))).await;
    let missing = vec![UploadProgress { id: FILE, received: 4, complete: false }];
    let receipt = Receipt { id, outcome: Outcome::Accepted { number: 12, received_at: 0, missing } };
    let effects = write(&store, move |c| apply(c, &sent, &answer(vec![receipt]), 2)).await;
    assert_eq!(effects.entries[0].state, EntryState::Sending);
    assert_eq!(effects.entries[0].files[0].sent, 4);
    assert!(
        write(&store, |c| request(c, &SAID, &HashSet::new(), SYNC_ITEMS)).await.items.is_empty(),
        "it is not sent twice"
    );
    let entry = write(&store, move |c| {
        outbox::progress(c, FILE, 10, true)?;
        outbox::deliver_if_complete(c, id, 3)?;
        outbox::find(c, id)
    })
    .await
    .unwrap();
    assert_eq!(entry.state(), EntryState::Delivered);
    assert_eq!(entry.number, Some(12));
}

#[tokio::test]
async fn a_deferred_entry_waits_and_a_refused_one_asks_for_attention() {
    let (_folder, store) = store();
    write(&store, |c| {
        outbox::insert(c, &ticket(1, Some(PERSON), Vec::new()))?;
        outbox::insert(c, &ticket(2, Some(PERSON), Vec::new()))
    })
    .await;
    let sent = vec![ticket(1, Some(PERSON), Vec::new()).item, ticket(2, Some(PERSON), Vec::new()).item];
    let not = |code| (code, "why".to_owned());
    let (code, message) = not(ErrorCode::NotEnabled);
    let first = Receipt { id: Uuid::from_u128(1), outcome: Outcome::Deferred { code, message } };
    let (code, message) = not(ErrorCode::AuthorChanged);
    let second = Receipt { id: Uuid::from_u128(2), outcome: Outcome::Refused { code, message } };
    let effects = write(&store, move |c| apply(c, &sent, &answer(vec![first, second]), 2)).await;
    assert!(effects.news.contains(&News::Attention { subject: "ticket 2".into() }));
    let (states, counts) = write(&store, |c| {
        let states: Vec<_> = outbox::undelivered(c)?.iter().map(outbox::Entry::state).collect();
        Ok((states, outbox::counts(c)?))
    })
    .await;
    assert_eq!(states, [EntryState::Queued, EntryState::NeedsAttention]);
    assert_eq!(counts, (2, 1));
}

#[tokio::test]
async fn the_past_is_no_news_however_many_answers_it_takes() {
    let (_folder, store) = store();
    let told = |id: u128, cursor, more| SyncResponse { tickets: vec![summary(id)], cursor, more, ..answer(Vec::new()) };
    let (past, news) = write(&store, move |c| {
        let mut past = apply(c, &[], &told(1, 5, true), 1)?.news;
        past.extend(apply(c, &[], &told(2, 9, false), 2)?.news);
        Ok((past, apply(c, &[], &told(3, 12, false), 3)?.news))
    })
    .await;
    assert!(!past.iter().any(|news| matches!(news, News::Reply { .. })), "{past:?}");
    assert!(matches!(news[..], [News::Reply { .. }]), "{news:?}");
    let unread = store.read(tickets::count_unread).await.unwrap();
    assert_eq!(unread, 1, "only what came since");
}

#[tokio::test]
async fn what_was_delivered_long_ago_is_forgotten_by_an_exchange() {
    let (_folder, store) = store();
    let day = 24 * 60 * 60 * 1000;
    let left = write(&store, move |c| {
        for id in [1, 2, 3] {
            outbox::insert(c, &ticket(id, Some(PERSON), Vec::new()))?;
        }
        outbox::accept(c, Uuid::from_u128(1), 1, &[], 5)?;
        outbox::accept(c, Uuid::from_u128(2), 2, &[], 5 + day)?;
        settle(c, &[], &answer(Vec::new()), Vec::new(), 6 + day)?;
        (1..=3).map(|id| Ok(outbox::find(c, Uuid::from_u128(id))?.is_some())).collect::<StoreResult<Vec<_>>>()
    })
    .await;
    assert_eq!(left, [false, true, true]);
}

#[tokio::test]
async fn another_person_sees_nothing_of_the_one_before() {
    let (_folder, store) = store();
    let other = RequesterId(Uuid::from_u128(8));
    let left = write(&store, move |c| {
        let mut effects = Effects::default();
        apply_state(c, &state(Some(PERSON)), &mut effects)?;
        settings::set(c, "cursor", &99)?;
        apply_state(c, &state(Some(other)), &mut effects)?;
        Ok((tickets::all(c)?, settings::get::<i64>(c, "cursor")?))
    })
    .await;
    assert_eq!(left, (Vec::new(), Some(0)));
}

fn refused(id: u128, code: ErrorCode) -> Receipt {
    Receipt { id: Uuid::from_u128(id), outcome: Outcome::Refused { code, message: "why".to_owned() } }
}

#[tokio::test]
async fn an_installation_that_is_kept_out_makes_way_for_another_one() {
    let (_folder, store) = store();
    write(&store, |c| {
        settings::set(c, "installation", &Uuid::from_u128(3))?;
        settings::set(c, "key_account", &"old")?;
        settings::set(c, "state", &state(None))?;
        assert_eq!(crate::worker::forget_refused_key(c)?, None, "an accepted one stays what it is");
        settings::set(c, "state", &AgentState { registration: Registration::Quarantined, ..state(None) })?;
        assert_eq!(crate::worker::forget_refused_key(c)?.as_deref(), Some("old"));
        assert_eq!(settings::get::<Uuid>(c, "installation")?, None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn all_tickets_of_a_person_are_asked_for_whoever_sat_here_before() {
    let (_folder, store) = store();
    let other = RequesterId(Uuid::from_u128(8));
    let cursor = write(&store, move |c| {
        apply_state(c, &state(Some(other)), &mut Effects::default())?;
        settings::set(c, "cursor", &99)?;
        // The server answered with what changed after 99, and with another person.
        apply(c, &[], &SyncResponse { cursor: 120, ..answer(Vec::new()) }, 2)?;
        let asked = request(c, &SAID, &HashSet::new(), SYNC_ITEMS)?.cursor;
        apply(c, &[], &SyncResponse { cursor: 120, ..answer(Vec::new()) }, 3)?;
        Ok((asked, request(c, &SAID, &HashSet::new(), SYNC_ITEMS)?.cursor))
    })
    .await;
    assert_eq!(cursor, (0, 120));
}

/// Plays a round against a server that cannot digest some items, and gives what it held against whom.
fn round(entries: &[u128], fails: impl Fn(&[OutboxItem]) -> Option<HttpError>) -> Option<(Vec<Uuid>, Vec<Uuid>)> {
    let mut waiting: Vec<_> = entries.iter().map(|id| ticket(*id, Some(PERSON), Vec::new()).item).collect();
    let (mut round, mut held) = (Round { size: SYNC_ITEMS, skip: HashSet::new(), culprits: Vec::new() }, Vec::new());
    for _ in 0..1000 {
        let items: Vec<_> =
            waiting.iter().filter(|i| !round.skip.contains(&i.id())).take(round.size).cloned().collect();
        if let Some(error) = fails(&items) {
            round.failed(&error, &items)?;
            continue;
        }
        waiting.retain(|item| !items.contains(item));
        held.extend(std::mem::take(&mut round.culprits).into_iter().map(|(id, ..)| id));
        let request = SyncRequest { items, ..empty_request() };
        let state = AgentState { revision: 0, ..state(Some(PERSON)) };
        if !round.answered(&request, &SyncResponse { state, ..answer(Vec::new()) }) {
            return Some((held, waiting.iter().map(OutboxItem::id).collect()));
        }
    }
    panic!("a round ends");
}

fn empty_request() -> SyncRequest {
    SyncRequest {
        protocol: PROTOCOL_VERSION,
        agent_version: String::new(),
        language: Language::En,
        facts: Default::default(),
        hotkey: HotkeyState::Off,
        epoch: 0,
        applied_revision: 0,
        cursor: 0,
        items: Vec::new(),
    }
}

fn answers(code: ErrorCode) -> HttpError {
    let (message, details) = ("why".to_owned(), ErrorDetails::default());
    HttpError::Refused(Box::new(deskbell_protocol::error::ErrorBody { code, message, details }))
}

#[test]
fn an_item_that_cannot_be_digested_keeps_no_other_from_going() {
    let all: Vec<u128> = (1..=120).collect();
    let bad = [Uuid::from_u128(3), Uuid::from_u128(77)];
    let fails =
        |items: &[OutboxItem]| items.iter().any(|item| bad.contains(&item.id())).then(|| answers(ErrorCode::Internal));
    let (held, left) = round(&all, fails).unwrap();
    assert_eq!((held.as_slice(), left.as_slice()), (&bad[..], &bad[..]));
}

#[test]
fn a_server_that_fails_altogether_is_held_against_no_item() {
    let (all, asked): (Vec<u128>, _) = ((1..=120).collect(), std::cell::Cell::new(0));
    let fails = |_: &[OutboxItem]| {
        asked.set(asked.get() + 1);
        Some(answers(ErrorCode::Internal))
    };
    assert_eq!(round(&all, fails), None);
    assert!(asked.get() < 10, "it was asked {} times", asked.get());
    let fails = |_: &[OutboxItem]| Some(answers(ErrorCode::DeviceRevoked));
    assert_eq!(round(&[1], fails), None);
}
