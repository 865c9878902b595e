//! Tickets, as technicians work them.

use axum::extract::State;
use deskbell_protocol::{
    Millis,
    conversation::{AuthorKind, Message, MessageContent},
    device::Context,
    error::{ErrorBody, ErrorCode},
    id::{ClientId, DeviceId, MessageId, RequesterId, TechnicianId, TicketId},
    limits::TEXT_CHARS,
    ticket::{Affected, CanWork, Priority, Status, TicketSource, TicketType},
};
use serde::{Deserialize, Deserializer, Serialize};

use super::Named;
use crate::{
    App,
    api::{announce, conversation},
    auth::technician::{Technician, Worker},
    clock,
    db::{
        Scope, Tx, devices,
        messages::{self, MessageAuthor, NewMessage},
        technicians,
        tickets::{self, COUNTED, Filter, Page, Place, View},
    },
    error::{ApiError, ApiResult},
    extract::{Json, Path, Query},
    mail::MailKind,
    secrets, ticket_status,
    words::Wanted,
};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TicketRow {
    pub id: TicketId,
    pub number: i64,
    #[serde(rename = "type")]
    pub ticket_type: TicketType,
    pub subject: String,
    pub status: Status,
    pub priority: Priority,
    pub can_work: Option<CanWork>,
    pub affected: Affected,
    pub client: Named<ClientId>,
    pub requester: Named<RequesterId>,
    pub assignee: Option<Named<TechnicianId>>,
    pub received_at: Millis,
    pub updated_at: Millis,
    /// Files that are announced and still arriving.
    pub files_pending: i64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Tickets {
    pub tickets: Vec<TicketRow>,
    /// How many there are on all pages, as far as was counted: up to 1000, and of what was searched for, up to the
    /// end of this page.
    pub total: i64,
    /// There are more than `total`.
    pub more: bool,
    /// The cursor of the next page.
    pub next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Ticket {
    #[serde(flatten)]
    pub row: TicketRow,
    pub requester_email: String,
    /// Oldest first, internal notes among them.
    pub messages: Vec<Message>,
    pub device: Option<TicketDevice>,
    /// What the device said of itself when the ticket was written.
    pub context: Context,
    pub source: TicketSource,
    /// It came signed by an accepted device.
    pub verified_device: bool,
    /// The device's clock.
    pub written_at: Option<Millis>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TicketDevice {
    pub id: DeviceId,
    pub name: String,
    pub online: bool,
    pub last_seen_at: Option<Millis>,
}

#[derive(Deserialize, utoipa::IntoParams)]
pub struct Search {
    #[serde(default = "active")]
    view: View,
    client: Option<ClientId>,
    /// Beginnings of words of the subject, the conversation, the requester or the device, all of which a ticket has
    /// to have; or a number after `#`.
    #[serde(default)]
    q: String,
    cursor: Option<String>,
    limit: Option<usize>,
}

const fn active() -> View {
    View::Active
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewTechnicianMessage {
    /// Made by the page, so that sending again is sending once.
    id: MessageId,
    kind: NewMessageKind,
    text: String,
    /// Set together with the message.
    status: Option<Status>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewMessageKind {
    Reply,
    /// For technicians only.
    Note,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub struct TicketChange {
    status: Option<Status>,
    /// Null: nobody's.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<TechnicianId>)]
    assignee: Option<Option<TechnicianId>>,
    priority: Option<Priority>,
}

/// Tells null from absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl From<&tickets::Line> for TicketRow {
    fn from(row: &tickets::Line) -> Self {
        Self {
            id: row.id.0,
            number: row.number,
            ticket_type: row.ticket_type.0,
            subject: row.subject.clone(),
            status: row.status.0,
            priority: row.priority.0,
            can_work: row.can_work.map(|word| word.0),
            affected: row.affected.0,
            client: Named { id: row.client_id.0, name: row.client_name.clone() },
            requester: Named { id: row.requester_id.0, name: row.requester_name.clone() },
            assignee: row.assignee_id.map(|id| Named { id: id.0, name: row.assignee_name.clone().unwrap_or_default() }),
            received_at: row.received_at,
            updated_at: row.updated_at,
            files_pending: row.files_pending,
        }
    }
}

async fn complete(tx: &mut Tx, row: &tickets::Ticket, now: Millis) -> ApiResult<Ticket> {
    let device = match row.device_id {
        Some(id) => devices::find(tx, Scope::All, id.0).await?,
        None => None,
    };
    Ok(Ticket {
        row: (&row.line).into(),
        requester_email: row.requester_email.clone(),
        messages: conversation::messages(tx, row, true).await?,
        device: device.map(|device| TicketDevice {
            id: device.id.0,
            name: device.name,
            online: device.online_until.is_some_and(|until| until > now),
            last_seen_at: device.last_seen_at,
        }),
        context: serde_json::from_str(&row.context).unwrap_or_default(),
        source: row.source.0,
        verified_device: row.installation_id.is_some() && row.source.0 == TicketSource::Agent,
        written_at: row.written_at,
    })
}

/// Where a page begins: behind a line, of which there were so many before.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cursor {
    place: Place,
    before: i64,
}

impl Cursor {
    /// # Errors
    /// Where it is not one that a page gave.
    fn read(text: Option<&str>) -> ApiResult<Self> {
        let Some(text) = text else { return Ok(Self { place: Place::start(), before: 0 }) };
        let read = || {
            let mut parts = text.split('.');
            let mut number = || parts.next()?.parse().ok();
            let (updated_at, ticket, before) = (number()?, number()?, number()?);
            let id = parts.next()?.parse::<uuid::Uuid>().ok()?.to_string();
            Some(Self { place: Place { updated_at, id, number: ticket }, before })
        };
        read().ok_or_else(|| ApiError::malformed("cursor is not one of ours"))
    }

    fn behind(line: &tickets::Line, before: i64) -> String {
        format!("{}.{}.{before}.{}", line.updated_at, line.number, line.id.0)
    }
}

/// One page: last change first, and where words are searched for, the newest ticket first.
#[utoipa::path(get, path = "/api/console/v1/tickets", tag = "console", params(Search), responses((status = 200, body = Tickets)))]
pub async fn list(
    State(app): State<App>,
    technician: Technician,
    Query(search): Query<Search>,
) -> ApiResult<Json<Tickets>> {
    let cursor = Cursor::read(search.cursor.as_deref())?;
    let limit = super::Page::new(None, search.limit)?.limit;
    let filter = Filter {
        view: search.view,
        technician: technician.id(),
        scope: technician.scope(),
        client: search.client,
        device: None,
        wanted: Wanted::of(&search.q),
    };
    // What words find is planned within a transaction.
    let words = matches!(filter.wanted, Wanted::Words(_));
    let mut tx = if words { app.db.read().await? } else { app.db.look().await? };
    // One line more says whether there is another page.
    let Page { lines: mut found, counted } =
        tickets::list(&mut tx, &filter, &cursor.place, i64::try_from(limit).unwrap_or(0) + 1).await?;
    let another = found.len() > limit;
    found.truncate(limit);
    let shown = cursor.before + i64::try_from(found.len()).unwrap_or(0);
    let next = found.last().filter(|_| another).map(|last| Cursor::behind(last, shown));
    let (total, more) = match counted.filter(|_| another) {
        Some(counted) => (counted.min(COUNTED).max(shown), counted > COUNTED),
        None => (shown, another),
    };
    Ok(Json(Tickets { tickets: found.iter().map(TicketRow::from).collect(), total, more, next }))
}

/// One ticket, by its id or its number.
#[utoipa::path(get, path = "/api/console/v1/tickets/{id}", tag = "console",
    params(("id" = String, Path, description = "The id or the number.")),
    responses((status = 200, body = Ticket), (status = 404, body = ErrorBody)))]
pub async fn get(State(app): State<App>, technician: Technician, Path(id): Path<String>) -> ApiResult<Json<Ticket>> {
    let mut tx = app.db.read().await?;
    let found = match (id.parse::<i64>(), id.parse::<uuid::Uuid>()) {
        (Ok(number), _) => tickets::by_number(&mut tx, technician.scope(), number).await?,
        (_, Ok(id)) => tickets::find(&mut tx, technician.scope(), TicketId(id)).await?,
        _ => None,
    };
    let row = found.ok_or_else(ApiError::not_found)?;
    Ok(Json(complete(&mut tx, &row, app.now()).await?))
}

/// Adds a reply or an internal note. With the same id it is added once.
#[utoipa::path(post, path = "/api/console/v1/tickets/{id}/messages", tag = "console", params(("id" = TicketId, Path)),
    request_body = NewTechnicianMessage, responses((status = 200, body = Ticket), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub async fn add_message(
    State(app): State<App>,
    Worker(technician): Worker,
    Path(id): Path<TicketId>,
    Json(new): Json<NewTechnicianMessage>,
) -> ApiResult<Json<Ticket>> {
    let now = app.now();
    let text = new.text.trim();
    if text.is_empty() {
        return Err(ApiError::field(ErrorCode::TextMissing, "text", TEXT_CHARS));
    }
    if text.chars().count() > TEXT_CHARS {
        return Err(ApiError::field(ErrorCode::TextTooLong, "text", TEXT_CHARS));
    }
    let mut work = Work::begin(&app, &technician, id).await?;
    let hash = secrets::sha256(&format!("{:?} {text}", new.kind));
    if let Some(known) = messages::find(&mut work.tx, new.id).await? {
        if known.ticket_id.0 != id || known.content_hash != hash {
            return Err(ApiError::conflict(ErrorCode::ContentConflict, "another message has this id"));
        }
        return work.finish(&app).await;
    }
    let closed = work.ticket.status.0 == Status::Closed;
    let content = match new.kind {
        NewMessageKind::Note => MessageContent::Note { text: text.to_owned() },
        NewMessageKind::Reply if closed => {
            return Err(ApiError::conflict(ErrorCode::TicketClosed, "the ticket is closed"));
        }
        NewMessageKind::Reply => MessageContent::Reply { text: text.to_owned() },
    };
    work.add(new.id, &content, &hash, now).await?;
    if let Some(status) = new.status {
        work.set_status(status, now).await?;
    }
    if new.kind == NewMessageKind::Reply {
        let awaiting_reply = new.status.unwrap_or(work.ticket.status.0) == Status::AwaitingReply;
        work.mail_reply(text, awaiting_reply, now).await?;
    }
    work.announce(now).await?;
    work.finish(&app).await
}

/// Changes status, assignee or priority.
#[utoipa::path(patch, path = "/api/console/v1/tickets/{id}", tag = "console", params(("id" = TicketId, Path)),
    request_body = TicketChange, responses((status = 200, body = Ticket), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody, description = "The ticket is closed.")))]
pub async fn change(
    State(app): State<App>,
    Worker(technician): Worker,
    Path(id): Path<TicketId>,
    Json(change): Json<TicketChange>,
) -> ApiResult<Json<Ticket>> {
    let now = app.now();
    let mut work = Work::begin(&app, &technician, id).await?;
    if let Some(status) = change.status {
        work.set_status(status, now).await?;
    }
    if let Some(assignee) = change.assignee {
        work.assign(assignee, now).await?;
    }
    if let Some(to) = change.priority {
        let from = work.ticket.priority.0;
        if from != to {
            tickets::set_priority(&mut work.tx, id, to).await?;
            work.event(&MessageContent::PriorityChanged { from, to }, now).await?;
        }
    }
    work.announce(now).await?;
    work.finish(&app).await
}

/// One transaction in which a technician works on a ticket.
struct Work<'a> {
    tx: Tx,
    technician: &'a Technician,
    author: MessageAuthor,
    /// As it was at the beginning.
    ticket: tickets::Ticket,
}

impl<'a> Work<'a> {
    async fn begin(app: &App, technician: &'a Technician, id: TicketId) -> ApiResult<Self> {
        let mut tx = app.db.write().await?;
        // Two technicians and the requester may write at the same time.
        tx.serialize_on(&format!("ticket {id}")).await?;
        let ticket = tickets::find(&mut tx, technician.scope(), id).await?.ok_or_else(ApiError::not_found)?;
        let author = MessageAuthor {
            kind: AuthorKind::Technician,
            requester: None,
            technician: Some(technician.id()),
            name: technician.row.name.clone(),
            installation: None,
        };
        Ok(Self { tx, technician, author, ticket })
    }

    async fn add(&mut self, id: MessageId, content: &MessageContent, hash: &str, now: Millis) -> ApiResult<()> {
        let message = NewMessage {
            id,
            ticket: self.ticket.id.0,
            client: self.ticket.client_id.0,
            author: &self.author,
            content,
            device_sequence: None,
            content_hash: hash,
            written_at: None,
        };
        Ok(messages::insert(&mut self.tx, &message, now).await?)
    }

    async fn event(&mut self, content: &MessageContent, now: Millis) -> ApiResult<()> {
        self.add(MessageId(clock::new_id(now)), content, "", now).await
    }

    async fn set_status(&mut self, to: Status, now: Millis) -> ApiResult<()> {
        let from = self.ticket.status.0;
        if from == to {
            return Ok(());
        }
        if !ticket_status::allowed(AuthorKind::Technician, from, to) {
            return Err(ApiError::conflict(ErrorCode::TicketClosed, "the ticket is closed and stays so"));
        }
        tickets::set_status(&mut self.tx, self.ticket.id.0, to).await?;
        self.event(&MessageContent::StatusChanged { from, to }, now).await?;
        if to == Status::Resolved {
            let (number, subject) = (self.ticket.number, self.ticket.subject.clone());
            let kind = MailKind::TicketResolved { ticket: self.ticket.id.0, number, subject };
            announce::by_mail(&mut self.tx, self.ticket.requester_id.0, kind, now).await?;
        }
        Ok(())
    }

    async fn assign(&mut self, assignee: Option<TechnicianId>, now: Millis) -> ApiResult<()> {
        if self.ticket.assignee_id.map(|id| id.0) == assignee {
            return Ok(());
        }
        let to = match assignee {
            Some(id) => Some(technicians::find(&mut self.tx, id).await?.ok_or_else(ApiError::not_found)?.name),
            None => None,
        };
        tickets::set_assignee(&mut self.tx, self.ticket.id.0, assignee).await?;
        self.event(&MessageContent::Assigned { to }, now).await
    }

    async fn mail_reply(&mut self, text: &str, awaiting_reply: bool, now: Millis) -> ApiResult<()> {
        let kind = MailKind::TicketReply {
            ticket: self.ticket.id.0,
            number: self.ticket.number,
            subject: self.ticket.subject.clone(),
            author: self.author.name.clone(),
            text: text.to_owned(),
            awaiting_reply,
        };
        announce::by_mail(&mut self.tx, self.ticket.requester_id.0, kind, now).await
    }

    async fn announce(&mut self, now: Millis) -> ApiResult<()> {
        let (client, requester) = (self.ticket.client_id.0, self.ticket.requester_id.0);
        Ok(announce::live(&mut self.tx, client, self.ticket.id.0, requester, now).await?)
    }

    /// Commits, and gives the ticket as it is now.
    async fn finish(mut self, app: &App) -> ApiResult<Json<Ticket>> {
        let scope = self.technician.scope();
        let row = tickets::find(&mut self.tx, scope, self.ticket.id.0).await?.ok_or_else(ApiError::not_found)?;
        let ticket = complete(&mut self.tx, &row, app.now()).await?;
        deskbell_protocol::crash_point!("technician.commit.before");
        self.tx.commit().await?;
        deskbell_protocol::crash_point!("technician.commit.after");
        app.committed();
        Ok(Json(ticket))
    }
}
