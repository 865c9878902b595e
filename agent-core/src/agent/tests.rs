use deskbell_protocol::{
    device::{Confirmation, Registration},
    error::ErrorCode,
    id::RequesterId,
    settings::SentSetting,
    ticket::AttachmentRole,
};

use super::*;
use crate::{
    policy::{Given, Origin},
    sync::apply_state,
    view::{CommandErrorCode, EntryState},
};

const PERSON: RequesterId = RequesterId(Uuid::from_u128(7));

fn state(enabled: bool, person: Option<RequesterId>) -> AgentState {
    AgentState {
        registration: Registration::Accepted,
        enabled,
        revision: 1,
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

/// An agent that nobody has told a server, so that it does nothing by itself.
async fn open(folder: &std::path::Path) -> Agent {
    open_with(folder, Sources::default()).await
}

async fn open_with(folder: &std::path::Path, sources: Sources) -> Agent {
    let folders = Folders { data: folder.to_owned(), machine_files: Vec::new(), user_file: None };
    Agent::open(Setup { sources, folders, clock: || 1_000, language: Language::En }).await.unwrap()
}

async fn told(agent: &Agent, state: AgentState) {
    let effects = keep(agent, state).await;
    agent.0.show(effects).await.unwrap();
}

/// What the worker does with an answer, up to the moment before the screen hears of it.
async fn keep(agent: &Agent, state: AgentState) -> Effects {
    let write = agent.0.store.write(move |tx| {
        let mut effects = Effects::default();
        apply_state(tx, &state, &mut effects)?;
        Ok(effects)
    });
    write.await.unwrap()
}

async fn typed(agent: &Agent) -> crate::view::Draft {
    let draft = agent.ticket_form(None).await.unwrap().draft;
    crate::view::Draft { subject: "The printer hums".into(), ..draft }
}

/// Ends an agent after it has shown what it was given: its store is nobody's then.
async fn close(agent: Agent) {
    drop(agent.0.showing.lock().await);
}

#[tokio::test]
async fn a_ticket_outlives_the_program_from_the_moment_it_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, None)).await;
    let draft = typed(&agent).await;
    agent.save_draft(draft).await.unwrap();
    let draft = agent.add_file("notes.txt".into(), b"it hums".to_vec()).await.unwrap();
    let entry = agent.submit(draft, Some(b"the picture".to_vec())).await.unwrap();
    close(agent).await;

    let agent = open(folder.path()).await;
    let waiting = agent.outbox().await.unwrap();
    assert_eq!(waiting, [entry]);
    assert_eq!(waiting[0].state, EntryState::AwaitingConfirmation);
    let bytes: Vec<_> = waiting[0].files.iter().map(|f| std::fs::read(agent.0.files.path(f.id)).unwrap()).collect();
    assert_eq!(bytes, [b"the picture".to_vec(), b"it hums".to_vec()]);
    assert_eq!(waiting[0].files[0].role, AttachmentRole::Screenshot);
    assert_eq!(agent.status().waiting, 1);
    assert_eq!(agent.ticket_form(None).await.unwrap().draft.subject, "", "the next ticket begins empty");
}

#[tokio::test]
async fn what_is_typed_outlives_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    let draft = typed(&agent).await;
    agent.save_draft(draft.clone()).await.unwrap();
    agent.add_file("notes.txt".into(), b"it hums".to_vec()).await.unwrap();
    drop(agent);

    let agent = open(folder.path()).await;
    let kept = agent.ticket_form(None).await.unwrap().draft;
    assert_eq!((kept.id, kept.subject.as_str()), (draft.id, "The printer hums"));
    assert!(agent.0.files.path(kept.files[0].id).exists());
}

#[tokio::test]
async fn a_ticket_saved_while_somebody_is_being_confirmed_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, None)).await;
    let draft = typed(&agent).await;
    // The answer is kept, and the screen has not heard of it yet.
    let effects = keep(&agent, state(true, Some(PERSON))).await;
    let entry = agent.submit(draft, None).await.unwrap();
    agent.0.show(effects).await.unwrap();
    assert_eq!(entry.state, EntryState::Queued, "nothing else would ever send it");
}

#[tokio::test]
async fn where_the_agent_is_not_enabled_the_form_is_closed_and_the_draft_stays() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(false, Some(PERSON))).await;
    let draft = typed(&agent).await;
    agent.save_draft(draft.clone()).await.unwrap();
    let error = agent.submit(draft, None).await.unwrap_err();
    assert_eq!(error.code, CommandErrorCode::Server(ErrorCode::NotEnabled));
    assert_eq!(agent.ticket_form(None).await.unwrap().draft.subject, "The printer hums");
    assert!(agent.outbox().await.unwrap().is_empty());
}

#[tokio::test]
async fn send_twice_is_one_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, Some(PERSON))).await;
    let draft = typed(&agent).await;
    agent.submit(draft.clone(), None).await.unwrap();
    agent.submit(draft, None).await.unwrap_err();
    assert_eq!(agent.outbox().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_ticket_leaves_no_picture_behind() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, Some(PERSON))).await;
    let draft = typed(&agent).await;
    agent.save_draft(draft).await.unwrap();
    for _ in 0..deskbell_protocol::limits::FILES {
        agent.add_file("notes.txt".into(), b"it hums".to_vec()).await.unwrap();
    }
    let draft = agent.ticket_form(None).await.unwrap().draft;
    let draft = crate::view::Draft { subject: "The printer hums".into(), ..draft };
    let error = agent.submit(draft, Some(b"one too many".to_vec())).await.unwrap_err();
    assert_eq!(error.code, CommandErrorCode::Server(ErrorCode::TooManyFiles));
    let left = std::fs::read_dir(folder.path().join("files")).unwrap().count();
    assert_eq!(left, deskbell_protocol::limits::FILES);
}

#[tokio::test]
async fn a_damaged_queue_costs_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, Some(PERSON))).await;
    let draft = typed(&agent).await;
    let entry = agent.submit(draft, Some(b"the picture".to_vec())).await.unwrap();
    close(agent).await;
    for file in ["deskbell.db", "deskbell.db-wal", "deskbell.db-shm"] {
        let _ = std::fs::write(folder.path().join(file), vec![0xA5; 64 * 1024]);
    }

    let agent = open(folder.path()).await;
    assert!(agent.status().problems.iter().any(|problem| problem.code == ProblemCode::StoreRecovered));
    let kept = folder.path().join("files.damaged-1000").join(entry.files[0].id.to_string());
    assert_eq!(std::fs::read(kept).unwrap(), b"the picture");
}

#[tokio::test]
async fn what_is_called_delivered_without_a_receipt_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, Some(PERSON))).await;
    let draft = typed(&agent).await;
    let entry = agent.submit(draft, Some(b"the picture".to_vec())).await.unwrap();
    // One bit of a row's head makes nothing a nought.
    let altered = agent.0.store.write(|tx| Ok(tx.execute("update outbox set delivered_at = 0", [])?));
    altered.await.unwrap();
    close(agent).await;

    let agent = open(folder.path()).await;
    assert_eq!(agent.outbox().await.unwrap(), std::slice::from_ref(&entry), "it waits, and its file with it");
    assert!(agent.0.files.path(entry.files[0].id).exists());
    assert!(agent.status().problems.iter().any(|problem| problem.code == ProblemCode::StoreRecovered));
    drop(agent);
    let agent = open(folder.path()).await;
    assert!(agent.status().problems.is_empty(), "it is said once");
}

#[tokio::test]
async fn one_entry_that_nobody_can_read_keeps_no_other_one_from_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    told(&agent, state(true, Some(PERSON))).await;
    let draft = typed(&agent).await;
    let lost = agent.submit(draft, None).await.unwrap();
    let draft = typed(&agent).await;
    let entry = agent.submit(draft, None).await.unwrap();
    let altered = agent.0.store.write(move |tx| {
        Ok(tx.execute("update outbox set item = cast(x'7bff' as text) where id = ?1", [lost.id.to_string()])?)
    });
    altered.await.unwrap();
    close(agent).await;

    let agent = open(folder.path()).await;
    assert_eq!(agent.outbox().await.unwrap(), [entry]);
    assert!(agent.status().problems.iter().any(|problem| problem.code == ProblemCode::StoreRecovered));
}

#[tokio::test]
async fn a_window_hears_when_the_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    let mut changes = agent.tickets_changes();
    agent.0.set_online(true);
    agent.0.set_online(true);
    assert!(changes.try_recv().is_ok());
    assert!(changes.try_recv().is_err(), "once");
}

fn machine(name: &str, value: &str, recommended: bool) -> Sources {
    let given = Given {
        origin: Origin::Machine,
        place: "the test".to_owned(),
        name: name.to_owned(),
        value: Ok(value.to_owned()),
        recommended,
    };
    Sources { given: vec![given], faults: Vec::new() }
}

#[tokio::test]
async fn what_the_organization_has_set_cannot_be_picked() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open_with(folder.path(), machine("theme", "dark", false)).await;
    assert_eq!(agent.status().theme, Theme::Dark);
    let refused = agent.set_preferences(Language::En, Theme::Light).await.unwrap_err();
    assert_eq!(refused.code, CommandErrorCode::Local(LocalErrorCode::SettingManaged));
    agent.set_preferences(Language::Fr, Theme::Dark).await.unwrap();
    assert_eq!((agent.status().language, agent.status().theme), (Language::Fr, Theme::Dark));
}

#[tokio::test]
async fn what_is_picked_is_kept_and_the_rest_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open_with(folder.path(), machine("theme", "dark", true)).await;
    agent.set_preferences(Language::Fr, Theme::Dark).await.unwrap();
    drop(agent);
    let agent = open_with(folder.path(), machine("theme", "light", true)).await;
    assert_eq!((agent.status().language, agent.status().theme), (Language::Fr, Theme::Light));
    agent.set_preferences(Language::Fr, Theme::System).await.unwrap();
    assert_eq!(agent.status().theme, Theme::System, "what is recommended is no order");
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_said_and_the_agent_works() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open_with(folder.path(), machine("theme", "blue", false)).await;
    let problem = agent.status().problems.into_iter().find(|problem| problem.code == ProblemCode::SettingRefused);
    assert_eq!(problem.unwrap().subject.as_deref(), Some("the test: theme"));
}

#[tokio::test]
async fn what_the_server_sends_holds_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let agent = open(folder.path()).await;
    let sent = |name: &str, value: &str| SentSetting { name: name.into(), value: value.into(), locked: true };
    let settings = vec![sent("hotkey", "Ctrl+F9"), sent("theme", "dark")];
    told(&agent, AgentState { settings, ..state(true, None) }).await;
    assert_eq!((agent.status().hotkey.key.as_deref(), agent.status().theme), (Some("Ctrl+F9"), Theme::Dark));
    let refused = agent.set_preferences(Language::En, Theme::Light).await.unwrap_err();
    assert_eq!(refused.code, CommandErrorCode::Local(LocalErrorCode::SettingManaged));
    let beside = Policy::of_user(&agent.0.folders);
    assert_eq!(beside.config, agent.config(), "whoever asks beside it hears the same");
    drop(agent);

    let agent = open(folder.path()).await;
    assert_eq!(agent.status().hotkey.key.as_deref(), Some("Ctrl+F9"));
    told(&agent, AgentState { revision: 2, ..state(true, None) }).await;
    assert_eq!(agent.status().hotkey.key.as_deref(), Some("Ctrl+F12"), "it is taken back");
}
