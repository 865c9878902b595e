//! The person's tickets: what the server told, and what is on its way to it.

use std::path::Path;

use deskbell_protocol::{
    conversation::Conversation,
    error::ErrorCode,
    id::{AttachmentId, MessageId, RequesterId, TicketId},
    limits::TEXT_CHARS,
    sync::OutboxItem,
    ticket::{NewReply, NewStatus, Status},
};
use futures::StreamExt;
use tokio::io::AsyncWriteExt;

use super::{
    Agent,
    attachment::{Source, announcement, fits, progress},
};
use crate::{
    clock,
    error::{Answer, early, local},
    http::HttpError,
    store::{StoreError, outbox, tickets},
    sync::Effects,
    view::{ConversationView, LocalErrorCode, OutboxEntry, TicketListItem, WaitingMessage},
};

impl Agent {
    /// Last change first, as this PC knows them.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn tickets(&self) -> Answer<Vec<TicketListItem>> {
        Ok(self.0.store.read(tickets::all).await?)
    }

    /// A conversation: from the server, or the copy kept here where it cannot be asked.
    ///
    /// # Errors
    /// Where there is no such ticket, or it was never read here and the server cannot be asked.
    pub async fn conversation(&self, ticket: TicketId) -> Answer<ConversationView> {
        let kept = self.0.store.read(move |c| tickets::conversation(c, ticket)).await?;
        let (conversation, stale) = match kept {
            // Nobody waits for a server that is known to be away; when it is back, the list says so.
            Some(kept) if !self.0.status.borrow().online => (kept, true),
            kept => match self.ask_conversation(ticket).await {
                Ok(conversation) => (self.keep(conversation).await?, false),
                Err(error) => (kept.ok_or(error)?, true),
            },
        };
        let entries = self.0.store.read(move |c| outbox::of_ticket(c, ticket)).await?;
        let waiting = entries
            .iter()
            .filter(|entry| !conversation.messages.iter().any(|message| message.id.0 == entry.id))
            .map(|entry| WaitingMessage { entry: entry.view(), text: text(&entry.item) })
            .collect();
        Ok(ConversationView { conversation, waiting, stale })
    }

    async fn ask_conversation(&self, ticket: TicketId) -> Answer<Conversation> {
        let (http, who) = self.0.now_or_never()?;
        Ok(http.get(&who, &format!("/tickets/{ticket}")).await?)
    }

    async fn keep(&self, conversation: Conversation) -> Answer<Conversation> {
        let kept = conversation.clone();
        self.0.store.write(move |tx| tickets::keep_conversation(tx, &kept)).await?;
        Ok(conversation)
    }

    /// The person has read it.
    ///
    /// # Errors
    /// Where that cannot be kept.
    pub async fn mark_read(&self, ticket: TicketId) -> Answer<()> {
        let tickets_changed = self.0.store.write(move |tx| tickets::mark_seen(tx, ticket)).await?;
        self.0.show(Effects { tickets_changed, ..Effects::default() }).await?;
        Ok(())
    }

    /// Puts a reply into the outbox. It is on the disk, files and all, when this returns.
    ///
    /// # Errors
    /// The limit that is exceeded, or why this person may not write.
    pub async fn reply(&self, ticket: TicketId, text: String, files: Vec<(String, Vec<u8>)>) -> Answer<OutboxEntry> {
        if text.trim().is_empty() && files.is_empty() {
            return Err(early(ErrorCode::TextMissing, "the reply is empty"));
        }
        if text.chars().count() > TEXT_CHARS {
            return Err(early(ErrorCode::TextTooLong, "the text is too long"));
        }
        let now = (self.0.clock)();
        let author = self.author()?;
        let sources: Vec<Source> = files.into_iter().map(|(name, bytes)| Source::of_memory(name, bytes)).collect();
        fits(sources.iter().map(Source::size))?;
        self.room_for(sources.iter().map(Source::size).sum()).await?;
        let folder = self.0.files.clone();
        let kept = tokio::task::spawn_blocking(move || {
            sources.into_iter().map(|source| source.keep(&folder, now)).collect::<Answer<Vec<_>>>()
        });
        let kept = kept.await.map_err(|_| StoreError::Thread)??;
        let attachments = kept.iter().map(|(file, kept)| announcement(file, Some(&kept.sha256))).collect();
        let files: Vec<_> = kept.into_iter().map(|(file, _)| file).collect();
        let id = MessageId(clock::new_id(now));
        let item = move |sequence| {
            OutboxItem::Reply(NewReply { id, author, ticket, sequence, text, attachments, written_at: now })
        };
        self.enqueue(id, ticket, author, progress(&files), item).await
    }

    /// Resolves, reopens or closes one's own ticket.
    ///
    /// # Errors
    /// Why this person may not.
    pub async fn set_ticket_status(&self, ticket: TicketId, status: Status) -> Answer<OutboxEntry> {
        let (now, author) = ((self.0.clock)(), self.author()?);
        let id = MessageId(clock::new_id(now));
        let item =
            move |sequence| OutboxItem::Status(NewStatus { id, author, ticket, sequence, status, written_at: now });
        self.enqueue(id, ticket, author, Vec::new(), item).await
    }

    async fn enqueue(
        &self,
        id: MessageId,
        ticket: TicketId,
        author: RequesterId,
        files: Vec<crate::view::FileProgress>,
        item: impl FnOnce(u32) -> OutboxItem + Send + 'static,
    ) -> Answer<OutboxEntry> {
        let now = (self.0.clock)();
        let entry = self.0.store.write(move |tx| outbox::append(tx, id.0, ticket, author, files, now, item)).await?;
        deskbell_protocol::crash_point!("reply.commit.after");
        let effects = Effects { entries: vec![entry.view()], tickets_changed: true, ..Effects::default() };
        self.0.show(effects).await?;
        self.sync_now();
        Ok(entry.view())
    }

    fn author(&self) -> Answer<RequesterId> {
        let status = self.0.status.borrow();
        let state = status.state.as_ref().filter(|state| state.usable());
        let state =
            state.ok_or_else(|| early(ErrorCode::NotEnabled, "the Helpdesk Agent is not enabled on this PC"))?;
        let person = state.confirmation.as_ref();
        person
            .map(|person| person.requester_id)
            .ok_or_else(|| early(ErrorCode::NotConfirmed, "nobody has confirmed their e-mail address here"))
    }

    /// The name under which a file of a conversation was sent.
    ///
    /// # Errors
    /// Where there is no such file.
    pub async fn attachment_name(&self, ticket: TicketId, attachment: AttachmentId) -> Answer<String> {
        let kept = self.0.store.read(move |c| tickets::conversation(c, ticket)).await?;
        kept.iter()
            .flat_map(|conversation| &conversation.messages)
            .flat_map(|message| &message.attachments)
            .find(|file| file.id == attachment)
            .map(|file| file.name.clone())
            .ok_or_else(|| local(LocalErrorCode::NotFound, "there is no such file"))
    }

    /// Fetches a file of a conversation and writes it to a path.
    ///
    /// # Errors
    /// Where the server cannot be asked, or the path cannot be written.
    pub async fn save_attachment(&self, _ticket: TicketId, attachment: AttachmentId, path: &Path) -> Answer<()> {
        let (http, who) = self.0.now_or_never()?;
        let content = http.stream(&who, &format!("/attachments/{attachment}/content")).await?;
        // Half a file under the wanted name would look like the whole one.
        let part = path.with_added_extension(format!("{attachment}.part"));
        let written = match write(content, &part).await {
            Ok(()) => tokio::fs::rename(&part, path).await.map_err(|error| StoreError::Io(error).into()),
            Err(error) => Err(error),
        };
        if written.is_err() {
            // It may never have come to be.
            let _ = tokio::fs::remove_file(part).await;
        }
        written
    }
}

async fn write(content: reqwest::Response, path: &Path) -> Answer<()> {
    let mut file = tokio::fs::File::create(path).await.map_err(StoreError::Io)?;
    let mut content = content.bytes_stream();
    while let Some(bytes) = content.next().await {
        let bytes = bytes.map_err(|error| HttpError::Unreachable(error.without_url().to_string()))?;
        file.write_all(&bytes).await.map_err(StoreError::Io)?;
    }
    Ok(file.sync_all().await.map_err(StoreError::Io)?)
}

fn text(item: &OutboxItem) -> Option<String> {
    match item {
        OutboxItem::Ticket(ticket) => Some(ticket.description.clone()),
        OutboxItem::Reply(reply) => Some(reply.text.clone()),
        OutboxItem::Status(_) => None,
    }
}
