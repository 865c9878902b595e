//! What the functions of `db/` promise, on SQLite and on PostgreSQL: one suite, run on both.

use std::pin::Pin;

use anyhow::Context;

use deskbell_protocol::{
    conversation::{AuthorKind, MessageContent},
    device::{DeviceFacts, Registration},
    error::ErrorCode,
    id::{
        AttachmentId, ClientId, DeviceId, EnrolmentKeyId, InstallationId, MessageId, RequesterId, ServerId,
        TechnicianId, TicketId,
    },
    ticket::{AttachmentRole, Language, NewAttachment, NewTicket, Priority, Status, TicketSource},
};
use deskbell_server::db::{
    Db, Scope, Text, Tx, agent_settings, attachments, attempts, challenges, clients, devices, enrolment_keys,
    handovers, history, installations, jobs, live_events, messages, nonces, organization, portal_sessions, requesters,
    search, sessions, technicians, tickets,
};
use deskbell_server::error::ApiError;
use deskbell_tests::postgres::Postgres;
use uuid::Uuid;

type Outcome = anyhow::Result<()>;
type Case = (&'static str, fn(Db) -> Pin<Box<dyn Future<Output = Outcome>>>);

macro_rules! cases {
    ($($name:ident),+ $(,)?) => { &[$((stringify!($name), |db| Box::pin($name(db)))),+] };
}

const CASES: &[Case] = cases![
    the_organization_is_made_once_and_set_up_once,
    a_name_and_a_domain_belong_to_one_client,
    a_key_counts_the_devices_it_introduced,
    a_machine_is_one_device_of_a_client_and_comes_back_after_removal,
    the_nearest_choice_is_read_with_a_device,
    a_change_of_state_concerns_those_it_concerns,
    a_rollout_counts_each_device_once,
    the_nearest_setting_is_sent,
    a_person_is_one_per_client_and_address,
    a_try_is_taken_once_each,
    a_ticket_is_inserted_once_and_numbers_differ,
    two_writers_never_get_the_same_number,
    messages_have_the_servers_order,
    a_file_completes_once_and_counts_down,
    a_scope_hides_what_is_anothers,
    views_and_words_find_tickets,
    words_are_found_wherever_they_stand_and_whoever_may_see_them,
    pages_follow_each_other_without_gap_or_repeat,
    a_job_is_claimed_by_one_and_comes_back_after_its_lease,
    a_nonce_is_spent_once,
    a_request_says_whether_its_nonce_was_spent,
    attempts_are_counted_within_an_hour,
    a_session_ends_with_its_time,
    a_link_is_spent_once_and_in_time,
    a_page_is_somebodys_until_its_time_is_over,
    history_is_read_by_device_and_client,
    what_is_not_committed_is_not_there,
    who_hangs_up_leaves_no_transaction_behind,
    of_two_that_are_in_each_others_way_one_is_told_to_try_again,
];

/// One thread: PostgreSQL ends with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let postgres = Postgres::start().await.expect("PostgreSQL of this system");
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in CASES {
        for (engine, outcome) in [("sqlite", on_sqlite(*case).await), ("postgres", on_postgres(&postgres, *case).await)]
        {
            match outcome {
                Ok(()) => passed += 1,
                Err(error) => {
                    failed += 1;
                    println!("test {name} on {engine} ... FAILED\n{error:?}");
                }
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {word}. {passed} passed; {failed} failed");
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

async fn on_sqlite(case: fn(Db) -> Pin<Box<dyn Future<Output = Outcome>>>) -> Outcome {
    let folder = tempfile::tempdir()?;
    let db = Db::sqlite(&folder.path().join("deskbell.db")).await?;
    let outcome = case(db.clone()).await;
    db.close().await;
    outcome
}

async fn on_postgres(postgres: &Postgres, case: fn(Db) -> Pin<Box<dyn Future<Output = Outcome>>>) -> Outcome {
    let name = postgres.database().await?;
    let db = Db::postgres(&postgres.url(&name)).await?;
    let outcome = case(db.clone()).await;
    db.close().await;
    outcome
}

/// Says what did not hold.
macro_rules! holds {
    ($left:expr, $right:expr) => {{
        let (left, right) = (&$left, &$right);
        anyhow::ensure!(left == right, "line {}: {left:?} is not {right:?}", line!());
    }};
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// An organization with two clients, a key each, and a device with a confirmed person at the first.
struct World {
    one: ClientId,
    other: ClientId,
    key: EnrolmentKeyId,
    device: DeviceId,
    installation: InstallationId,
    person: RequesterId,
    technician: TechnicianId,
}

async fn world(tx: &mut Tx) -> anyhow::Result<World> {
    organization::create(tx, ServerId(id(1)), "secret", 0).await?;
    let (one, other) = (ClientId(id(10)), ClientId(id(11)));
    clients::insert(tx, one, "Northwind", 0).await?;
    clients::insert(tx, other, "Kestrel", 0).await?;
    let key = EnrolmentKeyId(id(20));
    enrolment_keys::insert(tx, &enrolment_key(key, one), "hash").await?;
    let device = devices::insert(tx, DeviceId(id(30)), one, key, "hint", &facts("PC-1"), 5).await?;
    let installation = InstallationId(id(40));
    install(tx, installation, device, one, "key-1").await?;
    let person =
        requesters::confirm(tx, RequesterId(id(50)), one, "sam@northwind.example", "Sam", Language::En, 5).await?;
    installations::set_confirmed(tx, installation, person, None, 5).await?;
    let technician = TechnicianId(id(60));
    let row = technicians::Technician {
        id: Text(technician),
        email: "ada@harbour.example".into(),
        name: "Ada".into(),
        role: Text(technicians::Role::Owner),
        language: Text(Language::En),
        password_hash: "$argon2id$".into(),
    };
    technicians::insert(tx, &row, 0).await?;
    Ok(World { one, other, key, device, installation, person, technician })
}

fn enrolment_key(key: EnrolmentKeyId, client: ClientId) -> enrolment_keys::EnrolmentKey {
    enrolment_keys::EnrolmentKey {
        id: Text(key),
        client_id: Text(client),
        name: "Key".into(),
        hint: "DB-0000".into(),
        expires_at: 100,
        max_devices: 2,
        revoked_at: None,
        created_at: 0,
        created_by: "Ada".into(),
        used: 0,
    }
}

fn facts(name: &str) -> DeviceFacts {
    let (os, platform, os_user) = ("Debian 12".into(), "linux".into(), "sam".into());
    DeviceFacts { name: name.into(), os, platform, os_user, ..DeviceFacts::default() }
}

async fn install(tx: &mut Tx, id: InstallationId, device: DeviceId, client: ClientId, key: &str) -> sqlx::Result<()> {
    let new = installations::NewInstallation {
        id,
        device,
        client,
        public_key: key,
        os_user: "sam",
        agent_version: "0.1.0",
        language: Language::En,
        registration: Registration::Accepted,
    };
    installations::insert(tx, &new, 5).await
}

fn ticket(n: u128, author: RequesterId, subject: &str) -> NewTicket {
    deskbell_tests::ticket::plain(id(n), author, subject)
}

async fn store(tx: &mut Tx, world: &World, n: u128, subject: &str, now: i64) -> anyhow::Result<Option<i64>> {
    let (client, device, installation) = (world.one, world.device, world.installation);
    let origin = tickets::Origin { client, device, installation, source: TicketSource::Agent };
    Ok(tickets::insert(tx, &ticket(n, world.person, subject), origin, Priority::Normal, "hash", now).await?)
}

async fn say(
    tx: &mut Tx,
    world: &World,
    n: u128,
    ticket: u128,
    content: &MessageContent,
    now: i64,
) -> sqlx::Result<()> {
    let author = messages::MessageAuthor {
        kind: AuthorKind::Requester,
        requester: Some(world.person),
        technician: None,
        name: "Sam".into(),
        installation: Some(world.installation),
    };
    let message = messages::NewMessage {
        id: MessageId(id(n)),
        ticket: TicketId(id(ticket)),
        client: world.one,
        author: &author,
        content,
        device_sequence: None,
        content_hash: "",
        written_at: Some(now),
    };
    messages::insert(tx, &message, now).await
}

fn reply(text: &str) -> MessageContent {
    MessageContent::Reply { text: text.into() }
}

async fn the_organization_is_made_once_and_set_up_once(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    organization::create(&mut tx, ServerId(id(1)), "one", 0).await?;
    organization::create(&mut tx, ServerId(id(2)), "two", 0).await?;
    holds!(organization::find(&mut tx).await?.map(|found| found.secret), Some("one".to_owned()));
    holds!(organization::finish_setup(&mut tx, "Harbour").await?, true);
    holds!(organization::finish_setup(&mut tx, "Elsewhere").await?, false);
    organization::set_setup_code(&mut tx, "late").await?;
    let found = organization::find(&mut tx).await?.context("it is there")?;
    holds!((found.name.as_deref(), found.setup_code_hash), (Some("Harbour"), None));
    organization::set_enablement(&mut tx, true, "Ada", 7).await?;
    let found = organization::find(&mut tx).await?.context("it is there")?;
    holds!((found.enablement, found.enablement_by.as_deref(), found.enablement_at), (true, Some("Ada"), Some(7)));
    Ok(())
}

async fn a_name_and_a_domain_belong_to_one_client(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    clients::insert(&mut tx, ClientId(id(1)), "Northwind", 0).await?;
    clients::set_domains(&mut tx, ClientId(id(1)), &["b.example".into(), "a.example".into()]).await?;
    holds!(clients::domains(&mut tx, ClientId(id(1))).await?, ["a.example", "b.example"]);
    clients::set_domains(&mut tx, ClientId(id(1)), &["c.example".into()]).await?;
    holds!(clients::domains(&mut tx, ClientId(id(1))).await?, ["c.example"]);
    tx.commit().await?;
    let mut tx = db.write().await?;
    anyhow::ensure!(clients::insert(&mut tx, ClientId(id(2)), "NORTHWIND", 0).await.is_err(), "the name is taken");
    drop(tx);
    let mut tx = db.write().await?;
    clients::insert(&mut tx, ClientId(id(3)), "Kestrel", 0).await?;
    let taken = clients::set_domains(&mut tx, ClientId(id(3)), &["c.example".into()]).await;
    anyhow::ensure!(taken.is_err(), "the domain is taken");
    Ok(())
}

async fn a_key_counts_the_devices_it_introduced(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    holds!(enrolment_keys::by_secret(&mut tx, "hash").await?.map(|key| key.used), Some(1));
    devices::insert(&mut tx, DeviceId(id(31)), world.one, world.key, "hint-2", &facts("PC-2"), 5).await?;
    holds!(enrolment_keys::find(&mut tx, Scope::All, world.key).await?.map(|key| key.used), Some(2));
    enrolment_keys::revoke(&mut tx, world.key, 9).await?;
    enrolment_keys::revoke(&mut tx, world.key, 10).await?;
    holds!(enrolment_keys::of_client(&mut tx, world.one).await?[0].revoked_at, Some(9));
    holds!(enrolment_keys::by_secret(&mut tx, "other").await?.is_none(), true);
    Ok(())
}

async fn a_machine_is_one_device_of_a_client_and_comes_back_after_removal(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    holds!(devices::by_hint(&mut tx, world.one, "hint").await?, Some((world.device, false)));
    holds!(devices::by_hint(&mut tx, world.other, "hint").await?, None);
    devices::set_enablement(&mut tx, world.device, Some(true), "Ada", 6).await?;
    devices::remove(&mut tx, world.device, 7).await?;
    holds!(devices::find(&mut tx, Scope::All, world.device).await?.is_none(), true);
    let revoked = installations::find(&mut tx, Scope::All, world.installation).await?.context("it is there")?;
    holds!(revoked.registration.0, Registration::Revoked);
    let again = devices::insert(&mut tx, DeviceId(id(39)), world.one, world.key, "hint", &facts("PC-1"), 8).await?;
    holds!(again, world.device);
    let found = devices::find(&mut tx, Scope::All, again).await?.context("it is there")?;
    holds!(found.choices.device_choice, None);
    Ok(())
}

async fn the_nearest_choice_is_read_with_a_device(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let enabled = async |tx: &mut Tx| -> anyhow::Result<bool> {
        Ok(devices::find(tx, Scope::All, world.device).await?.context("it is there")?.choices.enabled())
    };
    holds!(enabled(&mut tx).await?, false);
    clients::set_enablement(&mut tx, world.one, Some(true), "Ada", 6).await?;
    holds!(enabled(&mut tx).await?, true);
    devices::set_enablement(&mut tx, world.device, Some(false), "Ada", 7).await?;
    holds!(enabled(&mut tx).await?, false);
    clients::clear_device_choices(&mut tx, world.one).await?;
    holds!(enabled(&mut tx).await?, true);
    let installation = installations::by_key(&mut tx, "key-1").await?.context("it is there")?;
    holds!((installation.choices.enabled(), installation.client_name.as_str()), (true, "Northwind"));
    Ok(())
}

async fn a_change_of_state_concerns_those_it_concerns(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let there = DeviceId(id(35));
    devices::insert(&mut tx, there, world.other, world.key, "elsewhere", &facts("PC-9"), 5).await?;
    install(&mut tx, InstallationId(id(49)), there, world.other, "key-9").await?;
    installations::keep_online(&mut tx, &[InstallationId(id(49)), InstallationId(id(77))], 90, 40).await?;
    let online = installations::by_key(&mut tx, "key-9").await?.context("it is there")?;
    holds!((online.online_until, online.last_seen_at), (90, 40));
    let other = installations::by_key(&mut tx, "key-1").await?.context("it is there")?;
    holds!((other.online_until, other.last_seen_at == 40), (0, false));
    live_events::state_changed(&mut tx, live_events::Concerned::Client(world.one), 50).await?;
    let revision = async |tx: &mut Tx, key: &str| -> anyhow::Result<i64> {
        Ok(installations::by_key(tx, key).await?.context("it is there")?.revision)
    };
    holds!((revision(&mut tx, "key-1").await?, revision(&mut tx, "key-9").await?), (2, 1));
    let events = live_events::after(&mut tx, 0, &[]).await?;
    let told: Vec<_> = events.iter().map(|event| (event.installation_id, event.registration)).collect();
    holds!(told, [(Some(Text(world.installation)), Some(Text(Registration::Accepted)))]);
    live_events::state_changed(&mut tx, live_events::Concerned::All, 60).await?;
    holds!(live_events::after(&mut tx, events[0].id, &[]).await?.len(), 2);
    holds!(live_events::ids_between(&mut tx, 50, 60).await?, [events[0].id]);
    holds!(live_events::newest_before(&mut tx, 60).await?, events[0].id);
    holds!(live_events::prune(&mut tx, 60).await?, 1);
    Ok(())
}

async fn the_nearest_setting_is_sent(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let (one, other) = (ClientId(id(1)), ClientId(id(2)));
    clients::insert(&mut tx, one, "Northwind", 0).await?;
    clients::insert(&mut tx, other, "Kestrel", 0).await?;
    let setting = |name: &str, value: &str, locked| {
        let (name, value, set_by) = (name.to_owned(), value.to_owned(), "Ada".to_owned());
        agent_settings::AgentSetting { name, value, locked, set_by, set_at: 5 }
    };
    agent_settings::put(&mut tx, id(11), None, &setting("hotkey", "F9", true)).await?;
    agent_settings::put(&mut tx, id(12), None, &setting("theme", "dark", false)).await?;
    agent_settings::put(&mut tx, id(13), Some(one), &setting("hotkey", "F7", true)).await?;
    agent_settings::put(&mut tx, id(14), Some(one), &setting("hotkey", "F8", false)).await?;
    let sent = async |tx: &mut Tx, client| {
        let (_, sent) = agent_settings::told(tx, client).await?;
        anyhow::Ok(sent.into_iter().map(|s| (s.name, s.value, s.locked)).collect::<Vec<_>>())
    };
    let of = |name: &str, value: &str, locked| (name.to_owned(), value.to_owned(), locked);
    holds!(sent(&mut tx, one).await?, [of("hotkey", "F8", false), of("theme", "dark", false)]);
    holds!(sent(&mut tx, other).await?, [of("hotkey", "F9", true), of("theme", "dark", false)]);
    holds!(agent_settings::of(&mut tx, Some(one)).await?, [setting("hotkey", "F8", false)]);
    agent_settings::remove(&mut tx, Some(one), "hotkey").await?;
    holds!(sent(&mut tx, one).await?, [of("hotkey", "F9", true), of("theme", "dark", false)]);
    holds!(agent_settings::of(&mut tx, None).await?.len(), 2);
    clients::set_domains(&mut tx, one, &["z.example".to_owned(), "a.example".to_owned()]).await?;
    let (domains, settings) = agent_settings::told(&mut tx, one).await?;
    holds!((domains, settings.len()), (vec!["a.example".to_owned(), "z.example".to_owned()], 2));
    Ok(())
}

async fn a_person_is_one_per_client_and_address(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let confirm = async |tx: &mut Tx, n, client, name: &str| {
        requesters::confirm(tx, RequesterId(id(n)), client, "sam@northwind.example", name, Language::Fr, 9).await
    };
    holds!(confirm(&mut tx, 51, world.one, "Samuel").await?, world.person);
    let elsewhere = confirm(&mut tx, 52, world.other, "Sam").await?;
    anyhow::ensure!(elsewhere != world.person, "another client's person is another person");
    let found = requesters::by_email(&mut tx, world.one, "sam@northwind.example").await?.context("it is there")?;
    holds!((found.name.as_str(), found.devices, found.language.0), ("Samuel", 1, Language::Fr));
    requesters::set_deactivated(&mut tx, world.person, Some(10)).await?;
    holds!(installations::end_confirmations_of(&mut tx, world.person).await?, [world.installation]);
    holds!(installations::by_key(&mut tx, "key-1").await?.context("it is there")?.requester_id, None);
    Ok(())
}

async fn a_try_is_taken_once_each(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let challenge = |n| challenges::Challenge {
        deliverable: true,
        id: Text(id(n)),
        installation_id: Text(world.installation),
        client_id: Text(world.one),
        email: "sam@northwind.example".into(),
        name: "Sam".into(),
        language: Text(Language::En),
        token_hmac: "hmac".into(),
        tries_left: 2,
        expires_at: 100,
        created_at: 5,
    };
    challenges::insert(&mut tx, &challenge(70)).await?;
    challenges::insert(&mut tx, &challenge(71)).await?;
    let waiting = challenges::waiting(&mut tx, world.installation).await?.context("it is there")?;
    holds!(waiting.id.0, id(71));
    holds!(challenges::take_try(&mut tx, id(71)).await?, Some(1));
    holds!(challenges::take_try(&mut tx, id(71)).await?, Some(0));
    holds!(challenges::take_try(&mut tx, id(71)).await?, None);
    holds!(challenges::take_try(&mut tx, id(70)).await?, None);
    challenges::spend(&mut tx, id(71), 6).await?;
    holds!(challenges::waiting(&mut tx, world.installation).await?.is_none(), true);
    Ok(())
}

async fn a_ticket_is_inserted_once_and_numbers_differ(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let first = store(&mut tx, &world, 100, "Printer", 10).await?;
    holds!(first.is_some(), true);
    holds!(store(&mut tx, &world, 100, "Printer", 11).await?, None);
    let second = store(&mut tx, &world, 101, "Screen", 12).await?;
    anyhow::ensure!(second > first, "{second:?} follows {first:?}");
    let found = tickets::find(&mut tx, Scope::All, TicketId(id(100))).await?.context("it is there")?;
    holds!((found.received_at, found.status.0, found.requester_name.as_str()), (10, Status::Open, "Sam"));
    holds!(
        tickets::by_number(&mut tx, Scope::All, second.context("a number")?).await?.map(|t| t.subject.clone()),
        Some("Screen".into())
    );
    Ok(())
}

async fn two_writers_never_get_the_same_number(db: Db) -> Outcome {
    let numbers = async |db: Db| -> anyhow::Result<Vec<i64>> {
        let mut all = Vec::new();
        for _ in 0..20 {
            let mut tx = db.write().await?;
            for _ in 0..2 {
                let number = tx.next_ticket_number().await?;
                let (number,): (i64,) = deskbell_server::sql!(one &mut tx, (i64,), format!("select {number}"))?;
                all.push(number);
            }
            tx.commit().await?;
        }
        Ok(all)
    };
    let (one, two) = tokio::join!(numbers(db.clone()), numbers(db));
    let mut all = [one?, two?].concat();
    all.sort_unstable();
    all.dedup();
    holds!(all.len(), 80);
    Ok(())
}

async fn messages_have_the_servers_order(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    store(&mut tx, &world, 100, "Printer", 10).await?;
    say(&mut tx, &world, 200, 100, &reply("first"), 10).await?;
    say(&mut tx, &world, 199, 100, &MessageContent::Note { text: "hush".into() }, 9).await?;
    let event = MessageContent::StatusChanged { from: Status::Open, to: Status::Resolved };
    say(&mut tx, &world, 198, 100, &event, 20).await?;
    let ticket = TicketId(id(100));
    let ids = |rows: Vec<messages::MessageRow>| rows.iter().map(|row| row.id.0.0.as_u128()).collect::<Vec<_>>();
    holds!(ids(messages::of_ticket(&mut tx, ticket, true).await?), [200, 199, 198]);
    holds!(ids(messages::of_ticket(&mut tx, ticket, false).await?), [200, 198]);
    holds!(messages::find(&mut tx, MessageId(id(198))).await?.context("it is there")?.content()?, event);
    let stored = tickets::find(&mut tx, Scope::All, ticket).await?.context("it is there")?;
    holds!(stored.updated_at, 20);
    let summary = tickets::summary(&mut tx, &stored).await?;
    holds!(summary.last_message.map(|last| last.excerpt), Some("first".into()));
    tx.commit().await?;
    let mut tx = db.write().await?;
    let twice = async {
        say(&mut tx, &world, 200, 100, &reply("twice"), 30).await?;
        anyhow::Ok(tx.commit().await?)
    };
    anyhow::ensure!(twice.await.is_err(), "an id is used once");
    Ok(())
}

async fn a_file_completes_once_and_counts_down(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    store(&mut tx, &world, 100, "Printer", 10).await?;
    say(&mut tx, &world, 200, 100, &reply("see the file"), 10).await?;
    let file = NewAttachment {
        id: AttachmentId(id(300)),
        role: AttachmentRole::File,
        name: "scan.pdf".into(),
        content_type: "application/pdf".into(),
        size: 10,
        sha256: "0".repeat(64),
    };
    let place = attachments::Place {
        ticket: TicketId(id(100)),
        message: MessageId(id(200)),
        client: world.one,
        installation: world.installation,
    };
    attachments::announce(&mut tx, place, &file, 10).await?;
    tickets::add_pending_files(&mut tx, TicketId(id(100)), 1).await?;
    attachments::set_received(&mut tx, file.id, 4).await?;
    let row = attachments::find(&mut tx, Scope::All, file.id).await?.context("it is there")?;
    holds!((row.received, row.completed_at), (4, None));
    holds!(attachments::complete(&mut tx, &row, "image/png", 20).await?, true);
    holds!(attachments::complete(&mut tx, &row, "image/png", 21).await?, false);
    attachments::set_received(&mut tx, file.id, 0).await?;
    let row = attachments::find(&mut tx, Scope::All, file.id).await?.context("it is there")?;
    holds!((row.received, row.completed_at, row.content_type.as_str()), (10, Some(20), "image/png"));
    holds!(tickets::find(&mut tx, Scope::All, TicketId(id(100))).await?.context("it is there")?.files_pending, 0);
    holds!(attachments::find_of_requester(&mut tx, world.person, file.id).await?.is_some(), true);
    holds!(attachments::find_of_requester(&mut tx, RequesterId(id(99)), file.id).await?.is_none(), true);
    Ok(())
}

async fn a_scope_hides_what_is_anothers(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    store(&mut tx, &world, 100, "Printer", 10).await?;
    let (own, other) = (Scope::Client(world.one), Scope::Client(world.other));
    for (scope, seen) in [(Scope::All, true), (own, true), (other, false)] {
        holds!(clients::find(&mut tx, scope, world.one).await?.is_some(), seen);
        holds!(devices::find(&mut tx, scope, world.device).await?.is_some(), seen);
        holds!(installations::find(&mut tx, scope, world.installation).await?.is_some(), seen);
        holds!(requesters::find(&mut tx, scope, world.person).await?.is_some(), seen);
        holds!(enrolment_keys::find(&mut tx, scope, world.key).await?.is_some(), seen);
        holds!(tickets::find(&mut tx, scope, TicketId(id(100))).await?.is_some(), seen);
        holds!(devices::list(&mut tx, scope, None, "").await?.len(), usize::from(seen));
    }
    holds!(tickets::find_of_requester(&mut tx, RequesterId(id(99)), TicketId(id(100))).await?.is_none(), true);
    Ok(())
}

async fn views_and_words_find_tickets(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    for (n, subject) in [(100, "Printer 100% blank"), (101, "Écran noir"), (102, "Mouse")] {
        store(&mut tx, &world, n, subject, i64::try_from(n)?).await?;
        say(&mut tx, &world, 1_000 + n, n, &reply("Please help."), i64::try_from(n)?).await?;
    }
    tickets::set_assignee(&mut tx, TicketId(id(101)), Some(world.technician)).await?;
    tickets::set_status(&mut tx, TicketId(id(102)), Status::Resolved).await?;
    let find = async |tx: &mut Tx, view, query: &str| -> anyhow::Result<Vec<u128>> {
        let filter = tickets::Filter {
            view,
            technician: world.technician,
            scope: Scope::All,
            client: None,
            device: None,
            wanted: deskbell_server::words::Wanted::of(query),
        };
        while search::index_due(tx, 2).await? > 0 {}
        let tickets::Page { lines: found, counted } = tickets::list(tx, &filter, &tickets::Place::start(), 10).await?;
        holds!(counted, query.is_empty().then(|| i64::try_from(found.len()).unwrap_or(-1)));
        if query.is_empty() {
            holds_count(tx, &filter, found.len()).await?;
        }
        Ok(found.iter().map(|ticket| ticket.id.0.0.as_u128()).collect())
    };
    use tickets::View;
    holds!(find(&mut tx, View::Active, "").await?, [101, 100]);
    holds!(find(&mut tx, View::Mine, "").await?, [101]);
    holds!(find(&mut tx, View::Unassigned, "").await?, [100]);
    holds!(find(&mut tx, View::Resolved, "").await?, [102]);
    holds!(find(&mut tx, View::All, "PRINTER 100%").await?, [100]);
    holds!(find(&mut tx, View::All, "écran").await?, [101]);
    holds!(find(&mut tx, View::All, "sam").await?, [102, 101, 100]);
    holds!(find(&mut tx, View::All, "' or 1=1 --").await?, [0u128; 0]);
    Ok(())
}

async fn holds_count(tx: &mut Tx, filter: &tickets::Filter, found: usize) -> Outcome {
    holds!(tickets::count(tx, filter).await?, i64::try_from(found)?);
    Ok(())
}

async fn a_rollout_counts_each_device_once(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let rollout = async |tx: &mut Tx, scope, client| -> anyhow::Result<Option<[i64; 5]>> {
        let found = devices::rollouts(tx, scope).await?.get(&client).copied();
        Ok(found.map(|r| [r.total, r.active, r.waiting, r.failed, r.off]))
    };
    holds!(rollout(&mut tx, Scope::All, world.one).await?, Some([1, 0, 1, 0, 0]));
    holds!(rollout(&mut tx, Scope::All, world.other).await?, None);
    let state = async |tx: &mut Tx, sql: &'static str| deskbell_server::sql!(execute tx, sql);
    state(&mut tx, "update installations set applied_revision = revision").await?;
    holds!(rollout(&mut tx, Scope::All, world.one).await?, Some([1, 0, 0, 0, 1]));
    devices::set_enablement(&mut tx, world.device, Some(true), "Ada", 6).await?;
    // A second installation that is shut out, and one on a device of its own that was never on.
    let second = InstallationId(id(41));
    install(&mut tx, second, world.device, world.one, "key-2").await?;
    installations::set_registration(&mut tx, second, Registration::Revoked).await?;
    devices::insert(&mut tx, DeviceId(id(31)), world.one, world.key, "hint 2", &facts("PC-2"), 5).await?;
    holds!(rollout(&mut tx, Scope::Client(world.one), world.one).await?, Some([2, 1, 1, 0, 0]));
    installations::set_registration(&mut tx, world.installation, Registration::Revoked).await?;
    holds!(rollout(&mut tx, Scope::All, world.one).await?, Some([2, 0, 1, 1, 0]));
    holds!(rollout(&mut tx, Scope::Client(world.other), world.one).await?, None);
    Ok(())
}

async fn words_are_found_wherever_they_stand_and_whoever_may_see_them(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    for (n, subject) in [(100, "Drucker in der Straße 12"), (101, "Écran d’André éteint"), (102, "Mouse 100%")] {
        store(&mut tx, &world, n, subject, i64::try_from(n)?).await?;
        say(&mut tx, &world, 1_000 + n, n, &reply("Please help."), i64::try_from(n)?).await?;
    }
    say(&mut tx, &world, 200, 100, &reply("Could it be the TONER\u{202e}? See http://intranet.example/toner_faq"), 110)
        .await?;
    // More words of one beginning than are looked for one by one.
    let many: Vec<String> = (0..100).map(|n| format!("beginning{n}x")).collect();
    store(&mut tx, &world, 103, "Many", 103).await?;
    say(&mut tx, &world, 1_103, 103, &reply(&many.join(" ")), 103).await?;
    let find = async |tx: &mut Tx, scope, words: &str| -> anyhow::Result<Vec<u128>> {
        while search::index_due(tx, 2).await? > 0 {}
        let wanted = deskbell_server::words::Wanted::of(words);
        let (view, technician) = (tickets::View::All, world.technician);
        let filter = tickets::Filter { view, technician, scope, client: None, device: None, wanted };
        let found = tickets::list(tx, &filter, &tickets::Place::start(), 10).await?.lines;
        Ok(found.iter().map(|ticket| ticket.id.0.0.as_u128()).collect())
    };
    let all = Scope::All;
    let expected: &[(&str, &[u128])] = &[
        ("toner", &[100]),
        ("TONER strasse", &[100]),
        ("ton stra", &[100]),
        ("faq intranet http", &[100]),
        ("ecran andré", &[101]),
        ("oner", &[]),
        ("toner ecran", &[]),
        ("sam northwind", &[103, 102, 101, 100]),
        ("pc-1", &[103, 102, 101, 100]),
        ("beginning", &[103]),
        ("beginning9", &[103]),
        ("beginning99", &[103]),
        ("beginning99y", &[]),
        ("beginning toner", &[]),
        ("12", &[100]),
        ("100", &[102]),
        ("10", &[]),
        ("\"' or \"toner\" :* & | ! ( )", &[]),
        ("(toner) & \"drucker\"", &[100]),
        ("%", &[]),
        ("*", &[]),
        ("NOT OR AND NEAR", &[]),
    ];
    for (words, found) in expected {
        anyhow::ensure!(find(&mut tx, all, words).await? == *found, "{words}: not {found:?}");
    }
    let number = find_number(&mut tx, 101).await?;
    holds!(find(&mut tx, all, &format!("#{number}")).await?, [101]);
    holds!(find(&mut tx, Scope::Client(world.one), "toner").await?, [100]);
    holds!(find(&mut tx, Scope::Client(world.other), "toner").await?, [0u128; 0]);
    holds!(find(&mut tx, Scope::Client(world.other), &format!("#{number}")).await?, [0u128; 0]);

    devices::rename(&mut tx, world.device, "Reception").await?;
    let (name, email) = ("Samira Łukasz", "sam@northwind.example");
    requesters::confirm(&mut tx, RequesterId(id(51)), world.one, email, name, Language::En, 6).await?;
    holds!(find(&mut tx, all, "reception lukasz toner").await?, [100]);
    holds!(find(&mut tx, all, "pc-1").await?, [0u128; 0]);
    Ok(())
}

async fn find_number(tx: &mut Tx, ticket: u128) -> anyhow::Result<i64> {
    Ok(tickets::find(tx, Scope::All, TicketId(id(ticket))).await?.context("no ticket")?.number)
}

async fn pages_follow_each_other_without_gap_or_repeat(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    // Three of each time, so that pages end between tickets that changed at the same moment.
    for n in 0..10 {
        store(&mut tx, &world, 100 + n, "Printer", i64::try_from(n / 3)?).await?;
        say(&mut tx, &world, 1_000 + n, 100 + n, &reply("Please help."), i64::try_from(n / 3)?).await?;
    }
    while search::index_due(&mut tx, 100).await? > 0 {}
    for words in ["", "printer"] {
        let wanted = deskbell_server::words::Wanted::of(words);
        let (view, technician, scope) = (tickets::View::All, world.technician, Scope::All);
        let filter = tickets::Filter { view, technician, scope, client: None, device: None, wanted };
        let (mut place, mut seen) = (tickets::Place::start(), Vec::new());
        loop {
            let page = tickets::list(&mut tx, &filter, &place, 4).await?.lines;
            let Some(last) = page.last() else { break };
            place = tickets::Place { updated_at: last.updated_at, id: last.id.0.to_string(), number: last.number };
            seen.extend(page.iter().map(|line| line.id.0.0.as_u128()));
        }
        let expected: Vec<u128> = (100..110).rev().collect();
        anyhow::ensure!(seen == expected, "{words}: {seen:?}");
    }
    Ok(())
}

async fn a_job_is_claimed_by_one_and_comes_back_after_its_lease(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    jobs::insert(&mut tx, id(1), "token", "{}", 0).await?;
    tx.commit().await?;
    let claim = async |now| -> anyhow::Result<usize> {
        let mut tx = db.write().await?;
        let claimed = jobs::claim(&mut tx, now + 100, now).await?;
        tx.commit().await?;
        Ok(claimed.len())
    };
    holds!((claim(10).await?, claim(11).await?), (1, 0));
    holds!(claim(110).await?, 1);
    let mut tx = db.write().await?;
    jobs::again(&mut tx, id(1), "refused", Some(500), 120).await?;
    tx.commit().await?;
    holds!((claim(499).await?, claim(500).await?), (0, 1));
    let mut tx = db.write().await?;
    jobs::again(&mut tx, id(1), "refused for good", None, 510).await?;
    holds!((jobs::failed(&mut tx).await?, jobs::list(&mut tx).await?[0].failed_at), (1, Some(510)));
    holds!(jobs::retry(&mut tx, id(1), 520).await?, true);
    holds!(jobs::retry(&mut tx, id(1), 520).await?, false);
    tx.commit().await?;
    holds!(claim(520).await?, 1);
    let mut tx = db.write().await?;
    jobs::done(&mut tx, id(1), 530).await?;
    tx.commit().await?;
    holds!(claim(10_000).await?, 0);
    Ok(())
}

async fn a_nonce_is_spent_once(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    holds!(nonces::spend(&mut tx, "key", "nonce", 100).await?, true);
    holds!(nonces::spend(&mut tx, "key", "nonce", 100).await?, false);
    holds!(nonces::spend(&mut tx, "another key", "nonce", 100).await?, true);
    holds!(nonces::prune(&mut tx, 101).await?, 2);
    Ok(())
}

async fn a_request_says_whether_its_nonce_was_spent(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let key = installations::find(&mut tx, Scope::All, world.installation).await?.context("it is there")?.public_key;
    let replayed = async |tx: &mut Tx, nonce: &str| -> sqlx::Result<Option<bool>> {
        Ok(installations::asking(tx, &key, nonce).await?.map(|asking| asking.replayed))
    };
    holds!(replayed(&mut tx, "nonce").await?, Some(false));
    nonces::spend(&mut tx, "another key", "nonce", 100).await?;
    holds!(replayed(&mut tx, "nonce").await?, Some(false));
    nonces::spend_new(&mut tx, &key, "nonce", 100).await?;
    holds!(replayed(&mut tx, "nonce").await?, Some(true));
    holds!(replayed(&mut tx, "another nonce").await?, Some(false));
    holds!(installations::asking(&mut tx, "no key of ours", "nonce").await?.is_none(), true);
    let again = async {
        nonces::spend_new(&mut tx, &key, "nonce", 100).await?;
        tx.commit().await
    };
    holds!(again.await.is_err(), true);
    Ok(())
}

async fn attempts_are_counted_within_an_hour(db: Db) -> Outcome {
    const HOUR: i64 = 60 * 60 * 1000;
    let mut tx = db.write().await?;
    holds!(attempts::take(&mut tx, "sign-in", 2, 0).await?, Ok(()));
    holds!(attempts::take(&mut tx, "sign-in", 2, 10).await?, Ok(()));
    holds!(attempts::take(&mut tx, "sign-in", 2, 20).await?, Err(HOUR));
    holds!(attempts::take(&mut tx, "another", 2, 20).await?, Ok(()));
    holds!(attempts::take(&mut tx, "sign-in", 2, HOUR + 5).await?, Ok(()));
    attempts::forget(&mut tx, "sign-in").await?;
    holds!(attempts::check(&mut tx, "sign-in", 1, HOUR + 6).await?, Ok(()));
    Ok(())
}

async fn a_session_ends_with_its_time(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let session = sessions::Session { technician_id: Text(world.technician), csrf: "csrf".into(), expires_at: 100 };
    sessions::insert(&mut tx, "hash", &session, 0).await?;
    holds!(sessions::find(&mut tx, "hash", 99).await?.is_some(), true);
    holds!(sessions::find(&mut tx, "hash", 100).await?.is_none(), true);
    sessions::extend(&mut tx, "hash", 200).await?;
    holds!(sessions::find(&mut tx, "hash", 150).await?.is_some(), true);
    holds!(sessions::prune(&mut tx, 150).await?, 0);
    sessions::delete(&mut tx, "hash").await?;
    holds!(sessions::find(&mut tx, "hash", 1).await?.is_none(), true);
    Ok(())
}

async fn a_link_is_spent_once_and_in_time(db: Db) -> Outcome {
    use handovers::Spent;
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    handovers::insert(&mut tx, "one", world.installation, 100, 40).await?;
    handovers::insert(&mut tx, "two", world.installation, 100, 40).await?;
    holds!(handovers::spend(&mut tx, "one", 99).await?, Spent::By(world.installation));
    holds!(handovers::spend(&mut tx, "one", 99).await?, Spent::Before);
    holds!(handovers::spend(&mut tx, "one", 500).await?, Spent::Before);
    holds!(handovers::spend(&mut tx, "two", 100).await?, Spent::Expired);
    holds!(handovers::spend(&mut tx, "none", 50).await?, Spent::Expired);
    holds!(handovers::prune(&mut tx, 100).await?, 0);
    holds!(handovers::prune(&mut tx, 101).await?, 2);
    Ok(())
}

async fn a_page_is_somebodys_until_its_time_is_over(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let session = portal_sessions::PortalSession {
        installation_id: Text(world.installation),
        client_id: Text(world.one),
        requester_id: None,
        csrf: "csrf".into(),
        expires_at: 100,
    };
    portal_sessions::insert(&mut tx, "hash", &session, 0).await?;
    holds!(portal_sessions::find(&mut tx, "hash", 99).await?, Some(session));
    holds!(portal_sessions::find(&mut tx, "hash", 100).await?, None);
    portal_sessions::bind(&mut tx, "hash", Some(world.person)).await?;
    let bound = portal_sessions::find(&mut tx, "hash", 1).await?.context("it is there")?;
    holds!(bound.requester_id, Some(Text(world.person)));
    holds!(portal_sessions::prune(&mut tx, 100).await?, 0);
    holds!(portal_sessions::prune(&mut tx, 101).await?, 1);
    Ok(())
}

async fn history_is_read_by_device_and_client(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let world = world(&mut tx).await?;
    let actor = history::Actor::Technician { id: world.technician, name: "Ada".into() };
    for (n, action, device) in
        [(1, "enablement.changed", None), (2, "device.renamed", Some(world.device)), (3, "client.changed", None)]
    {
        let (client, detail) = (Some(world.one), serde_json::json!({ "n": n }));
        let at = i64::try_from(n)?;
        let entry = history::Entry { id: id(n), at, actor: &actor, action, client, device, ticket: None, detail };
        history::add(&mut tx, entry).await?;
    }
    let actions = |rows: Vec<history::HistoryRow>| rows.into_iter().map(|row| row.action).collect::<Vec<_>>();
    let of_device = history::of_device(&mut tx, world.device, world.one).await?;
    holds!(actions(of_device), ["device.renamed", "enablement.changed"]);
    let of_client = history::of_client(&mut tx, world.one).await?;
    holds!(actions(of_client), ["client.changed", "device.renamed", "enablement.changed"]);
    Ok(())
}

async fn what_is_not_committed_is_not_there(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    clients::insert(&mut tx, ClientId(id(1)), "Northwind", 0).await?;
    drop(tx);
    let mut tx = db.read().await?;
    holds!(clients::list(&mut tx, Scope::All, "").await?.len(), 0);
    Ok(())
}

/// A request ends where its client hangs up, also while its transaction begins.
async fn who_hangs_up_leaves_no_transaction_behind(db: Db) -> Outcome {
    for patience in 0..200 {
        let leaving = async {
            for _ in 0..patience % 20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            begun = db.read() => drop(begun?),
            () = leaving => {}
        }
        let mut tx = db.write().await?;
        nonces::prune(&mut tx, 0).await.context("in somebody else's transaction, which only reads")?;
        tx.commit().await?;
    }
    Ok(())
}

async fn of_two_that_are_in_each_others_way_one_is_told_to_try_again(db: Db) -> Outcome {
    let mut tx = db.write().await?;
    let World { one, other, .. } = world(&mut tx).await?;
    tx.commit().await?;
    if let Db::Sqlite(_) = db {
        // Its one writer is in nobody's way.
        return Ok(());
    }
    let (mut first, mut second) = (db.write().await?, db.write().await?);
    clients::rename(&mut first, one, "Eastwind").await?;
    clients::rename(&mut second, other, "Merlin").await?;
    let crossed =
        tokio::join!(clients::rename(&mut first, other, "Hobby"), clients::rename(&mut second, one, "Westwind"));
    let gave_way = match crossed {
        (Err(error), Ok(())) | (Ok(()), Err(error)) => ApiError::from(error),
        both => anyhow::bail!("one of them has to give way: {both:?}"),
    };
    holds!((gave_way.status.as_u16(), gave_way.code()), (503, ErrorCode::Unavailable));
    Ok(())
}
