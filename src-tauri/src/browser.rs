//! Pages in the browser, where no window can be shown: Windows without WebView2. Bell, key and queue
//! work there all the same. Linux and the Mac never come here: there the program does not start, or
//! the system has a web view.

use std::time::Duration;

use deskbell_agent_core::{
    Agent,
    view::{AgentStatus, CommandError, CommandErrorCode, LocalErrorCode, Problem, ProblemCode},
};
use deskbell_protocol::{device::Registration, error::ErrorCode, handover::HandoverPage, ticket::Language};
use tauri::{AppHandle, Manager};
use tokio::sync::Mutex;

use crate::{dialogs, texts, windows::Page};

/// How long a person who pressed the key waits for the server before they are told something.
const PATIENCE: Duration = Duration::from_secs(8);

/// One at a time: the key repeats while it is held, and so does whoever sees nothing happen.
static OPENING: Mutex<()> = Mutex::const_new(());

/// Where a page is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Window,
    Browser(HandoverPage),
    /// Nowhere; the text says why, and what to do.
    Told(String),
}

/// Asks the system each time: a web view that is installed today is used today.
pub(crate) fn has_web_view(app: &AppHandle) -> bool {
    let found = tauri::webview_version();
    let agent = app.state::<Agent>();
    match &found {
        Ok(_) => agent.clear_problem(ProblemCode::WebviewMissing),
        Err(_) => agent.report_problem(Problem { code: ProblemCode::WebviewMissing, subject: None }),
    }
    found.is_ok()
}

/// Decides where a page is shown.
pub(crate) fn place(web_view: bool, status: &AgentStatus, page: Page) -> Place {
    if web_view {
        return Place::Window;
    }
    match (closed(status), page) {
        (Some(text), _) => Place::Told(text),
        (None, Page::NewTicket) => Place::Browser(HandoverPage::NewTicket),
        (None, Page::Settings) => Place::Browser(HandoverPage::Settings),
        (None, Page::Tickets) => Place::Told(filled(status, "browser.tickets")),
    }
}

/// Why nothing can be asked of the server, as the windows would say it.
fn closed(status: &AgentStatus) -> Option<String> {
    let language = status.language;
    let Some(state) = &status.state else {
        let problem = status.problems.iter().find(|problem| problem.code != ProblemCode::WebviewMissing);
        return Some(problem.map_or_else(
            || texts::text(language, "error.not_enrolled").to_owned(),
            |problem| {
                let subject = problem.subject.as_deref().unwrap_or_default();
                texts::fill(language, &format!("problem.{}", word(&problem.code)), &[("subject", subject)])
            },
        ));
    };
    match state.registration {
        Registration::Accepted if state.enabled => None,
        Registration::Accepted if state.organization.is_empty() => Some(filled(status, "agent.closed.text.plain")),
        Registration::Accepted => Some(filled(status, "agent.closed.text")),
        other => Some(filled(status, &format!("problem.device_{other}"))),
    }
}

fn filled(status: &AgentStatus, key: &str) -> String {
    let organization = status.state.as_ref().map_or("", |state| state.organization.as_str());
    texts::fill(status.language, key, &[("organization", organization)])
}

/// The JSON word of a code, which texts are named by.
fn word(code: &impl serde::Serialize) -> String {
    serde_json::to_value(code).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Shows a page in the browser, or says what is missing, without blocking the caller.
pub(crate) fn open(app: &AppHandle, place: Place) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let Ok(_one) = OPENING.try_lock() else { return };
        let told = match place {
            Place::Window => return,
            Place::Told(text) => Err(text),
            Place::Browser(page) => hand_over(&app, page).await,
        };
        if let Err(text) = told {
            dialogs::tell(&app, &text).await;
        }
    });
}

async fn hand_over(app: &AppHandle, page: HandoverPage) -> Result<(), String> {
    let agent = app.state::<Agent>().inner().clone();
    let language = agent.status().language;
    let link = match tokio::time::timeout(PATIENCE, agent.handover(page)).await {
        Ok(Ok(link)) => link,
        Ok(Err(error)) => {
            tracing::warn!(%error.message, "no page in the browser");
            return Err(why(language, &error));
        }
        Err(_) => return Err(texts::text(language, "browser.offline").to_owned()),
    };
    // The link is a secret; the log says that there was one.
    tracing::info!(page = %page, "a page opens in the browser");
    open::that_detached(link.as_str()).map_err(|error| {
        tracing::warn!(%error, "no browser can be started");
        texts::fill(language, "browser.none", &[("reason", &error.to_string())])
    })
}

/// What is missing, and what to do.
fn why(language: Language, error: &CommandError) -> String {
    match error.code {
        CommandErrorCode::Local(LocalErrorCode::ServerUnreachable | LocalErrorCode::Offline) => {
            texts::text(language, "browser.offline").to_owned()
        }
        CommandErrorCode::Server(ErrorCode::TooManyRequests) => {
            let minutes = error.details.retry_after.unwrap_or(60).div_ceil(60).max(1);
            texts::counted(language, "error.too_many_requests", u32::try_from(minutes).unwrap_or(u32::MAX))
        }
        code => {
            let found = texts::find(language, &format!("error.{}", word(&code)));
            found.unwrap_or_else(|| texts::text(language, "error.internal")).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use deskbell_agent_core::view::{Bell, HotkeyStatus, Theme};
    use deskbell_protocol::{
        device::{AgentState, HotkeyState},
        error::ErrorDetails,
    };

    use super::*;

    fn status(registration: Registration, enabled: bool) -> AgentStatus {
        AgentStatus {
            bell: Bell::Active,
            state: Some(AgentState {
                registration,
                enabled,
                revision: 1,
                organization: "Halden IT".into(),
                client: "Nordlicht".into(),
                domains: vec![],
                settings: Default::default(),
                confirmation: None,
            }),
            online: true,
            waiting: 0,
            attention: 0,
            unread: 0,
            problems: vec![Problem { code: ProblemCode::WebviewMissing, subject: None }],
            hotkey: HotkeyStatus { key: None, state: HotkeyState::Off },
            language: Language::En,
            theme: Theme::System,
            server_url: None,
            settings: vec![],
            version: "0".into(),
        }
    }

    fn told(place: Place) -> String {
        match place {
            Place::Told(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_window_is_shown_wherever_one_can_be() {
        for page in Page::ALL {
            assert_eq!(place(true, &status(Registration::Revoked, false), page), Place::Window, "{page:?}");
        }
    }

    #[test]
    fn without_one_a_person_writes_and_confirms_in_the_browser() {
        let there = status(Registration::Accepted, true);
        assert_eq!(place(false, &there, Page::NewTicket), Place::Browser(HandoverPage::NewTicket));
        assert_eq!(place(false, &there, Page::Settings), Place::Browser(HandoverPage::Settings));
        let tickets = told(place(false, &there, Page::Tickets));
        assert!(tickets.contains("Halden IT") && tickets.contains("WebView2"), "{tickets}");
    }

    #[test]
    fn where_nothing_can_be_sent_it_says_why_and_opens_nothing() {
        let disabled = told(place(false, &status(Registration::Accepted, false), Page::NewTicket));
        assert!(disabled.contains("Halden IT decides"), "{disabled}");
        let revoked = told(place(false, &status(Registration::Revoked, true), Page::Settings));
        assert_eq!(revoked, texts::text(Language::En, "problem.device_revoked"));
        let mut new = AgentStatus { state: None, ..status(Registration::Accepted, true) };
        assert_eq!(told(place(false, &new, Page::NewTicket)), texts::text(Language::En, "error.not_enrolled"));
        new.problems.push(Problem { code: ProblemCode::EnrolmentKeyExpired, subject: None });
        let expired = texts::text(Language::En, "problem.enrolment_key_expired");
        assert_eq!(told(place(false, &new, Page::NewTicket)), expired, "the nearest thing that can be changed");
    }

    #[test]
    fn what_went_wrong_is_said_in_both_languages_with_what_to_do() {
        let error = |code| CommandError { code, message: String::new(), details: ErrorDetails::default() };
        for language in Language::ALL {
            for code in [
                CommandErrorCode::Local(LocalErrorCode::ServerUnreachable),
                CommandErrorCode::Local(LocalErrorCode::HandoverForeign),
                CommandErrorCode::Local(LocalErrorCode::HandoverInsecure),
                CommandErrorCode::Local(LocalErrorCode::CertificateUntrusted),
                CommandErrorCode::Server(ErrorCode::DeviceRevoked),
                CommandErrorCode::Server(ErrorCode::TooManyRequests),
            ] {
                let text = why(*language, &error(code));
                assert_ne!(text, texts::text(*language, "error.internal"), "{code:?} has a text of its own");
                assert!(!text.contains('{') && !text.contains("error."), "{text}");
            }
        }
        let offline = why(Language::En, &error(CommandErrorCode::Local(LocalErrorCode::ServerUnreachable)));
        assert!(offline.contains("WebView2") && offline.contains("network"), "{offline}");
    }
}
