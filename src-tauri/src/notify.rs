//! Native notifications: what an employee hears of while no window is open.

use deskbell_agent_core::{
    Agent,
    view::{News, ProblemCode},
};
use deskbell_protocol::{id::TicketId, ticket::Language};
use notify_rust::{Notification, NotificationResponse};
use tauri::{AppHandle, Manager};

use crate::{
    texts,
    windows::{self, Look, Page},
};

/// What a notification says, and what a click on it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    title: String,
    body: String,
    opens: Opens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    Ticket(TicketId),
    Page(Page),
}

/// Tells the person, without blocking the caller. A notification lives until it is closed, and its
/// click arrives on the connection that showed it: so each has a thread, which mostly sleeps.
pub(crate) fn tell(app: &AppHandle, look: Look, news: &News) {
    let Some(content) = content(look.language, news) else { return };
    let app = app.clone();
    std::thread::spawn(move || {
        if let Err(error) = show(&app, look, &content) {
            tracing::warn!(%error, "no notification can be shown");
            fall_back(&app, look, content.opens);
        }
    });
}

/// The bell shows a reply too. Where nothing shows the bell either, the window itself is the news.
fn fall_back(app: &AppHandle, look: Look, opens: Opens) {
    let problems = app.state::<Agent>().status().problems;
    if problems.iter().any(|problem| problem.code == ProblemCode::TrayMissing) {
        open(app, look, opens);
    }
}

fn show(app: &AppHandle, look: Look, content: &Content) -> notify_rust::error::Result<()> {
    let mut notification = Notification::new();
    notification.appname("Deskbell").summary(&content.title).body(&written(&content.body)?);
    #[cfg(target_os = "linux")]
    notification.icon("deskbell").hint(notify_rust::Hint::DesktopEntry("deskbell".to_owned()));
    // `default` is what a click on the notification itself runs.
    notification.action("default", texts::text(look.language, "notification.open"));
    notification.show()?.wait_for_response(|response: &NotificationResponse| {
        if matches!(response, NotificationResponse::Default | NotificationResponse::Action(_)) {
            open(app, look, content.opens);
        }
    })
}

/// Says why the program cannot start, where there is a desktop to say it on.
pub(crate) fn failure(text: &str) {
    if let Err(error) = Notification::new().appname("Deskbell").summary("Deskbell").body(text).show() {
        tracing::warn!(%error, "no notification can be shown");
    }
}

fn open(app: &AppHandle, look: Look, opens: Opens) {
    match opens {
        Opens::Ticket(ticket) => windows::open_ticket(app, ticket, look),
        Opens::Page(page) => windows::open(app, page, look),
    }
}

fn content(language: Language, news: &News) -> Option<Content> {
    let fill = |key: &str, values: &[(&str, &str)]| texts::fill(language, key, values);
    let content = match news {
        News::Reply { ticket, number, subject, author, excerpt, awaiting_reply } => {
            let title = if *awaiting_reply { "notification.asks.title" } else { "notification.reply.title" };
            Content {
                title: fill(title, &[("author", author), ("number", &number.to_string())]),
                body: fill("notification.reply.body", &[("subject", subject), ("excerpt", excerpt)]),
                opens: Opens::Ticket(*ticket),
            }
        }
        News::Resolved { ticket, number, subject } => Content {
            title: fill("notification.resolved.title", &[("number", &number.to_string())]),
            body: fill("notification.resolved.body", &[("subject", subject)]),
            opens: Opens::Ticket(*ticket),
        },
        News::Attention { subject } => Content {
            title: fill("notification.attention.title", &[]),
            body: fill("notification.attention.body", &[("subject", subject)]),
            opens: Opens::Page(Page::Tickets),
        },
        // A person who has just typed a token knows; one whom a technician vouched for does not.
        News::Confirmed { confirmation } if confirmation.vouched => Content {
            title: fill("notification.confirmed.title", &[]),
            body: fill("notification.confirmed.body", &[("email", &confirmation.email)]),
            opens: Opens::Page(Page::NewTicket),
        },
        // That something went as it should is no news: the window and the bell say so.
        News::Confirmed { .. } | News::Delivered { .. } => return None,
    };
    Some(content)
}

/// A body as the server of notifications wants it: one that knows markup would take a `<` for some.
#[cfg(target_os = "linux")]
fn written(body: &str) -> notify_rust::error::Result<String> {
    let markup = notify_rust::get_capabilities()?.iter().any(|capability| capability == "body-markup");
    Ok(if markup { escape(body) } else { body.to_owned() })
}

#[cfg(not(target_os = "linux"))]
fn written(body: &str) -> notify_rust::error::Result<String> {
    Ok(body.to_owned())
}

#[cfg(any(target_os = "linux", test))]
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::{device::Confirmation, id::RequesterId};
    use uuid::Uuid;

    use super::*;

    const TICKET: TicketId = TicketId(Uuid::from_u128(1));

    fn reply(awaiting_reply: bool) -> News {
        News::Reply {
            ticket: TICKET,
            number: 4821,
            subject: "Export stops {excerpt}".into(),
            author: "Jonas".into(),
            excerpt: "Which <b>month</b>?".into(),
            awaiting_reply,
        }
    }

    #[test]
    fn a_reply_names_who_answered_what_and_opens_it() {
        let english = content(Language::En, &reply(false)).unwrap();
        assert_eq!(english.title, "Jonas replied to #4821");
        assert_eq!(english.body, "Export stops {excerpt}\nWhich <b>month</b>?", "a subject is no template");
        assert_eq!(english.opens, Opens::Ticket(TICKET));
        let french = content(Language::Fr, &reply(true)).unwrap();
        assert_eq!(french.title, "Jonas attend votre réponse au nº\u{a0}4821");
    }

    #[test]
    fn markup_from_outside_is_text() {
        assert_eq!(escape("<b>&amp;</b> \"it's\""), "&lt;b&gt;&amp;amp;&lt;/b&gt; \"it's\"");
    }

    #[test]
    fn only_what_a_person_does_not_know_yet_is_told() {
        let confirmed = |vouched| News::Confirmed {
            confirmation: Confirmation {
                requester_id: RequesterId(Uuid::from_u128(2)),
                name: "Camille".into(),
                email: "camille@nordlicht.example".into(),
                confirmed_at: 0,
                vouched,
            },
        };
        assert!(content(Language::En, &confirmed(false)).is_none());
        assert!(content(Language::En, &confirmed(true)).is_some());
        let delivered = News::Delivered { ticket: TICKET, number: 1, subject: "s".into() };
        assert!(content(Language::En, &delivered).is_none());
    }
}
