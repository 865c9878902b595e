//! Tickets.

use std::sync::LazyLock;

use deskbell_protocol::{
    Millis,
    conversation::{Author, AuthorKind, LastMessage, TicketSummary},
    device::Registration,
    id::{ClientId, DeviceId, InstallationId, MessageId, RequesterId, TechnicianId, TicketId},
    mutant,
    ticket::{Affected, CanWork, Language, NewTicket, Priority, Status, TicketSource, TicketType},
};

use super::{
    Scope, Text, Tx, messages,
    search::{self, Source},
};
use crate::{row, sql, words::Wanted};

row! {
    /// One ticket's line in a list.
    #[derive(Clone, Debug)]
    pub struct Line {
        pub id: Text<TicketId>,
        pub number: i64,
        pub client_id: Text<ClientId>,
        pub client_name: String,
        pub requester_id: Text<RequesterId>,
        pub requester_name: String,
        pub ticket_type: Text<TicketType>,
        pub subject: String,
        pub status: Text<Status>,
        pub can_work: Option<Text<CanWork>>,
        pub affected: Text<Affected>,
        pub priority: Text<Priority>,
        pub assignee_id: Option<Text<TechnicianId>>,
        pub assignee_name: Option<String>,
        pub files_pending: i64,
        pub received_at: Millis,
        pub updated_at: Millis,
    }
}

row! {
    /// A ticket with what no list shows; the context is most of it.
    #[derive(Clone, Debug)]
    pub struct Ticket {
        pub line: Line,
        pub requester_email: String,
        pub requester_language: Text<Language>,
        pub device_id: Option<Text<DeviceId>>,
        pub installation_id: Option<Text<InstallationId>>,
        pub source: Text<TicketSource>,
        pub context: String,
        pub content_hash: String,
        pub written_at: Option<Millis>,
    }
}

impl std::ops::Deref for Ticket {
    type Target = Line;
    fn deref(&self) -> &Line {
        &self.line
    }
}

const LINE: &str = "t.id, t.number, t.client_id, c.name as client_name, t.requester_id, r.name as requester_name,
    t.type as ticket_type, t.subject, t.status, t.can_work, t.affected, t.priority, t.assignee_id, a.name as assignee_name,
    t.files_pending, t.received_at, t.updated_at";

/// Every ticket has a client and a requester. What is joined from the left stays behind the tickets: SQLite might begin at
/// the requesters otherwise, read all of their tickets and sort them, however few are shown.
const NAMES: &str = "left join clients c on c.id = t.client_id
    left join requesters r on r.id = t.requester_id
    left join technicians a on a.id = t.assignee_id";

/// A whole ticket.
static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select {LINE}, r.email as requester_email, r.language as requester_language, t.device_id, t.installation_id,
         t.source, t.context, t.content_hash, t.written_at from tickets t {NAMES}"
    )
});

/// Where a ticket that a device sent belongs.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub client: ClientId,
    pub device: DeviceId,
    pub installation: InstallationId,
    pub source: TicketSource,
}

/// A ticket that a device sent; nothing where its id is stored already, and then its number is left
/// out. Its description is its first message, which the caller adds with [`messages::insert_first`].
pub async fn insert(
    tx: &mut Tx,
    ticket: &NewTicket,
    origin: Origin,
    priority: Priority,
    content_hash: &str,
    now: Millis,
) -> sqlx::Result<Option<i64>> {
    let number = tx.next_ticket_number().await?;
    let context = serde_json::to_string(&ticket.context).unwrap_or_default();
    let inserted: Option<(i64,)> = sql!(
        optional tx, (i64,),
        format!("insert into tickets (id, number, client_id, requester_id, device_id, installation_id, type, subject, status,
         subject_key, can_work, affected, priority, language, context, content_hash, last_sequence, files_pending, written_at,
         received_at, updated_at, source)
         values ($1, {number}, $2, $3, $4, $5, $6, $7, 'open', $17, $8, $9, $10, $11, $12, $13, $19, $14, $15, $16, $16, $18)
         on conflict do nothing returning number"),
        Text(ticket.id), Text(origin.client), Text(ticket.author), Text(origin.device),
        Text(origin.installation), Text(ticket.ticket_type), ticket.subject.trim(), ticket.can_work.map(Text),
        Text(ticket.affected), Text(priority), Text(ticket.language), &context, content_hash,
        i64::try_from(ticket.attachments.len()).unwrap_or(i64::MAX), ticket.written_at, now,
        ticket.subject.trim().to_lowercase(), Text(origin.source), messages::FIRST
    )?;
    Ok(inserted.map(|(number,)| number))
}

pub async fn find(tx: &mut Tx, scope: Scope, id: TicketId) -> sqlx::Result<Option<Ticket>> {
    sql!(
        optional tx, Ticket, format!("{} where t.id = $1 and ($2 = '' or t.client_id = $2)", *SELECT), Text(id), scope.bind()
    )
}

pub async fn by_number(tx: &mut Tx, scope: Scope, number: i64) -> sqlx::Result<Option<Ticket>> {
    sql!(
        optional tx, Ticket, format!("{} where t.number = $1 and ($2 = '' or t.client_id = $2)", *SELECT),
        number, scope.bind()
    )
}

/// A requester's own ticket.
pub async fn find_of_requester(tx: &mut Tx, requester: RequesterId, id: TicketId) -> sqlx::Result<Option<Ticket>> {
    let own = if mutant!("scope.dropped") { "$2 <> ''" } else { "t.requester_id = $2" };
    sql!(optional tx, Ticket, format!("{} where t.id = $1 and {own}", *SELECT), Text(id), Text(requester))
}

/// Up to `limit` of a requester's tickets that changed at or after a time, oldest change first, as their
/// requester sees them: none where this requester is not confirmed at this installation any more.
pub async fn changed_of(
    tx: &mut Tx,
    requester: RequesterId,
    installation: InstallationId,
    since: Millis,
    limit: i64,
) -> sqlx::Result<Vec<TicketSummary>> {
    let rows = sql!(
        all tx, SummaryRow,
        format!("{SUMMARY} where t.requester_id = $1 and t.updated_at >= $2
                 and exists (select 1 from installations i where i.id = $4 and i.requester_id = $1 and i.registration = $5)
                 order by t.updated_at, t.id limit $3"),
        Text(requester), since, limit, Text(installation), Text(Registration::Accepted)
    )?;
    Ok(rows.into_iter().map(SummaryRow::summary).collect())
}

pub async fn add_pending_files(tx: &mut Tx, id: TicketId, count: usize) -> sqlx::Result<()> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    sql!(execute tx, "update tickets set files_pending = files_pending + $2 where id = $1", Text(id), count)?;
    Ok(())
}

pub async fn set_status(tx: &mut Tx, id: TicketId, status: Status) -> sqlx::Result<()> {
    sql!(execute tx, "update tickets set status = $2 where id = $1", Text(id), Text(status))?;
    Ok(())
}

pub async fn set_assignee(tx: &mut Tx, id: TicketId, assignee: Option<TechnicianId>) -> sqlx::Result<()> {
    sql!(execute tx, "update tickets set assignee_id = $2 where id = $1", Text(id), assignee.map(Text))?;
    Ok(())
}

pub async fn set_priority(tx: &mut Tx, id: TicketId, priority: Priority) -> sqlx::Result<()> {
    sql!(execute tx, "update tickets set priority = $2 where id = $1", Text(id), Text(priority))?;
    Ok(())
}

/// Which tickets a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    Active,
    Mine,
    Unassigned,
    CannotWork,
    Resolved,
    Closed,
    All,
}

impl View {
    /// `$1` is the technician who asks. Each of them is the condition of an index, word by word.
    const fn condition(self) -> &'static str {
        match self {
            Self::Active => "t.status not in ('resolved', 'closed')",
            Self::Mine => "t.status not in ('resolved', 'closed') and coalesce(t.assignee_id, '') = $1",
            Self::Unassigned => "t.status not in ('resolved', 'closed') and coalesce(t.assignee_id, '') = ''",
            Self::CannotWork => "t.status not in ('resolved', 'closed') and t.can_work = 'no'",
            Self::Resolved => "t.status = 'resolved'",
            Self::Closed => "t.status = 'closed'",
            Self::All => "1 = 1",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Filter {
    pub view: View,
    pub technician: TechnicianId,
    pub scope: Scope,
    pub client: Option<ClientId>,
    pub device: Option<DeviceId>,
    pub wanted: Wanted,
}

impl Filter {
    /// The index that holds what is shown in the order of the list.
    const fn index(&self) -> &'static str {
        match (self.device, self.client, self.view) {
            (Some(_), ..) => "tickets_device_id",
            (None, Some(_), _) => "tickets_client_id",
            (None, None, View::Active) => "tickets_active",
            (None, None, View::Mine | View::Unassigned) => "tickets_assigned",
            (None, None, View::CannotWork) => "tickets_cannot_work",
            (None, None, View::Resolved | View::Closed) => "tickets_status",
            (None, None, View::All) => "tickets_changed",
        }
    }

    /// What a ticket has to be, apart from its words. What is not asked for leaves no trace in the text but its
    /// argument, so that the database sees which index serves.
    fn conditions(&self) -> String {
        let scope = if self.scope == Scope::All { "$2 = ''" } else { "t.client_id = $2" };
        let client = if self.client.is_none() { "$3 = ''" } else { "t.client_id = $3" };
        let device = if self.device.is_none() { "$4 = ''" } else { "t.device_id = $4" };
        format!("{} and $1 <> '' and {scope} and {client} and {device}", self.view.condition())
    }
}

/// The last line of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub updated_at: Millis,
    pub id: String,
    pub number: i64,
}

impl Place {
    /// Before everything.
    #[must_use]
    pub fn start() -> Self {
        Self { updated_at: Millis::MAX, id: String::new(), number: i64::MAX }
    }
}

/// What a list shows at a time.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub lines: Vec<Line>,
    /// How many there are on all pages, up to [`COUNTED`] and one more. Of words nothing is counted: their pages count
    /// themselves.
    pub counted: Option<i64>,
}

impl Page {
    const fn uncounted(lines: Vec<Line>) -> Self {
        Self { lines, counted: None }
    }
}

row! {
    struct CountedLine {
        line: Line,
        counted: i64,
    }
}

/// What pages are read with: what the console shows, or the most that anybody may ask for; and the line that says whether
/// there are more.
const LINES: [i64; 2] = [51, 201];

/// The text of a page of a filter without words, last change first: the index whose order that is, is named. Its limits
/// are a part of it: PostgreSQL takes a limit that it does not know for a tenth of all tickets, and plans anew each time,
/// which takes longer than to read the page. So that there are few texts, it is one of two limits.
fn page(tx: &Tx, filter: &Filter, limit: i64) -> String {
    let limit = if limit <= LINES[0] { LINES[0] } else { LINES[1] };
    let (index, conditions) = (tx.by_index(filter.index()), filter.conditions());
    format!(
        "select {LINE}, (select count(*) from (select 1 from tickets t where {conditions} limit {}) as there) as counted
         from tickets t {index} {NAMES} where {conditions} and (t.updated_at, t.id) < ($5, $6)
         order by t.updated_at desc, t.id desc limit {limit}",
        COUNTED + 1
    )
}

/// Up to `limit` tickets behind a place: last change first, or where words are looked for, the newest first.
/// Both are an index's order, so that a page costs what it shows and not what there is.
pub async fn list(tx: &mut Tx, filter: &Filter, after: &Place, limit: i64) -> sqlx::Result<Page> {
    let conditions = filter.conditions();
    let words = match &filter.wanted {
        Wanted::Any => {
            let page = page(tx, filter, limit);
            let rows = sql!(
                all tx, CountedLine, page,
                Text(filter.technician), filter.scope.bind(), optional(filter.client), optional(filter.device),
                after.updated_at, &after.id
            )?;
            let counted = Some(rows.first().map_or(0, |row| row.counted));
            let lines = rows.into_iter().map(|row| row.line).take(usize::try_from(limit).unwrap_or(0)).collect();
            return Ok(Page { lines, counted });
        }
        Wanted::Number(number) => {
            return sql!(
                all tx, Line,
                format!("select {LINE} from tickets t {NAMES} where {conditions} and t.number = $5 and t.number < $6 limit $7"),
                Text(filter.technician), filter.scope.bind(), optional(filter.client), optional(filter.device),
                *number, after.number, limit
            )
            .map(Page::uncounted);
        }
        Wanted::Words(words) if words.is_empty() => return Ok(Page::default()),
        Wanted::Words(words) => search::expression(tx, words).await?,
    };
    tx.plan_anew().await?;
    let Source { from, matches, number } = search::source(tx);
    let text = format!(
        "select {LINE} from {from} {NAMES} where {matches} and {conditions} and {number} < $6 order by {number} desc limit $7"
    );
    sql!(
        all tx, Line, text,
        Text(filter.technician), filter.scope.bind(), optional(filter.client), optional(filter.device), words,
        after.number, limit
    )
    .map(Page::uncounted)
}

/// Tickets that are counted at most; one more says that there are more.
pub const COUNTED: i64 = 1_000;

/// How many tickets a view has, up to [`COUNTED`] and one more. Words are not looked for.
pub async fn count(tx: &mut Tx, filter: &Filter) -> sqlx::Result<i64> {
    let (count,): (i64,) = sql!(
        one tx, (i64,),
        format!("select count(*) from (select 1 from tickets t where {} limit $5) as counted", filter.conditions()),
        Text(filter.technician), filter.scope.bind(), optional(filter.client), optional(filter.device), COUNTED + 1
    )?;
    Ok(count)
}

fn optional(id: Option<impl std::fmt::Display>) -> String {
    id.map_or_else(String::new, |id| id.to_string())
}

row! {
    /// A ticket's line, with its last reply: one row for each, however many are asked for.
    struct SummaryRow {
        id: Text<TicketId>,
        number: i64,
        ticket_type: Text<TicketType>,
        subject: String,
        status: Text<Status>,
        priority: Text<Priority>,
        received_at: Millis,
        updated_at: Millis,
        last_id: Option<Text<MessageId>>,
        last_kind: Option<Text<AuthorKind>>,
        last_name: Option<String>,
        last_installation: Option<Text<InstallationId>>,
        last_excerpt: Option<String>,
        last_received_at: Option<Millis>,
    }
}

const SUMMARY: &str =
    "select t.id, t.number, t.type as ticket_type, t.subject, t.status, t.priority, t.received_at, t.updated_at,
    m.id as last_id, m.author_kind as last_kind, m.author_name as last_name, m.installation_id as last_installation,
    substr(m.body, 1, 200) as last_excerpt, m.received_at as last_received_at
    from tickets t left join messages m on m.ticket_id = t.id and m.sequence =
    (select sequence from messages where ticket_id = t.id and kind = 'reply' order by sequence desc limit 1)";

impl SummaryRow {
    fn summary(self) -> TicketSummary {
        let author = self.last_kind.zip(self.last_name).map(|(kind, name)| Author {
            kind: kind.0,
            name,
            verified_device: self.last_installation.is_some(),
        });
        let last = self.last_id.zip(author).zip(self.last_excerpt).zip(self.last_received_at);
        TicketSummary {
            id: self.id.0,
            number: self.number,
            ticket_type: self.ticket_type.0,
            subject: self.subject,
            status: self.status.0,
            priority: self.priority.0,
            received_at: self.received_at,
            updated_at: self.updated_at,
            last_message: last.map(|(((id, author), excerpt), received_at)| LastMessage {
                id: id.0,
                author,
                excerpt,
                received_at,
            }),
        }
    }
}

/// A ticket's line as its requester sees it.
pub async fn summary(tx: &mut Tx, ticket: &Ticket) -> sqlx::Result<TicketSummary> {
    Ok(sql!(one tx, SummaryRow, format!("{SUMMARY} where t.id = $1"), ticket.id)?.summary())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    /// Ten thousand tickets of four hundred people at twenty clients, most of them closed.
    const MANY: [&str; 5] = [
        "insert into technicians (id, email, name, role, language, password_hash, created_at)
         values ('a', 'a', 'a', 'owner', 'en', '', 0)",
        "with recursive n (i) as (select 0 union all select i + 1 from n where i < 19)
         insert into clients (id, name, name_key, created_at) select 'c' || i, 'c' || i, 'c' || i, 0 from n",
        "with recursive n (i) as (select 0 union all select i + 1 from n where i < 399)
         insert into requesters (id, client_id, email, name, name_key, language, created_at)
         select 'r' || i, 'c' || (i % 20), 'r' || i, 'r' || i, 'r' || i, 'en', 0 from n",
        "with recursive n (i) as (select 0 union all select i + 1 from n where i < 9999)
         insert into tickets (id, number, client_id, requester_id, type, subject, subject_key, status, affected, priority,
         language, context, content_hash, last_sequence, files_pending, received_at, updated_at, source)
         select printf('t%05d', i), i, 'c' || (i % 20), 'r' || (i % 400), 'incident', 's', 's',
         case i % 50 when 0 then 'open' when 1 then 'resolved' else 'closed' end, 'me', 'normal', 'en', '{}', '', 1, 0,
         i * 1000, i * 1000, 'agent' from n",
        "analyze",
    ];

    #[tokio::test]
    async fn no_page_is_sorted_however_many_tickets_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deskbell.db");
        let db = Db::sqlite(&file).await.unwrap();
        let mut tx = db.write().await.unwrap();
        for statement in MANY {
            sql!(execute &mut tx, statement).unwrap();
        }
        tx.commit().await.unwrap();
        db.close().await;
        // What is known of a table is read when a connection is opened.
        let db = Db::sqlite(&file).await.unwrap();
        let mut tx = db.read().await.unwrap();
        let (technician, scope) = (TechnicianId(uuid::Uuid::nil()), Scope::All);
        for view in
            [View::Active, View::Mine, View::Unassigned, View::CannotWork, View::Resolved, View::Closed, View::All]
        {
            for client in [None, Some(ClientId(uuid::Uuid::nil()))] {
                let filter = Filter { view, technician, scope, client, device: None, wanted: Wanted::Any };
                let sql = format!("explain query plan {}", page(&tx, &filter, 51));
                // With values: SQLite looks at them.
                let start = Place::start();
                let plan: Vec<(i64, i64, i64, String)> = sql!(
                    all &mut tx, (i64, i64, i64, String), sql,
                    Text(technician), scope.bind(), optional(client), String::new(), start.updated_at, &start.id
                )
                .unwrap();
                let sorted = plan.iter().any(|(.., step)| step.contains("TEMP B-TREE"));
                assert!(!sorted, "{view:?} of {client:?}: {plan:?}");
            }
        }
    }
}
