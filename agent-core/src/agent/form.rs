//! The ticket that is being written: kept from the first character on.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use deskbell_protocol::{
    Millis,
    device::Context,
    error::ErrorCode,
    id::{AttachmentId, RequesterId, TicketId},
    limits::{SUBJECT_CHARS, TEXT_CHARS},
    sync::OutboxItem,
    ticket::{Affected, Language, NewTicket, TicketType},
};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Agent,
    attachment::{Source, announcement, fits, has_room, progress},
};
use crate::{
    clock, context,
    error::{Answer, early, local},
    files::Kept,
    store::{StoreError, StoreResult, outbox, settings},
    sync::Effects,
    view::{CommandError, Draft, DraftFile, LocalErrorCode, OutboxEntry, Screenshot, TicketForm},
};

const DRAFT: &str = "draft";

/// The draft with what the window need not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    draft: Draft,
    hashes: HashMap<AttachmentId, String>,
    /// The run of the program that held its picture in memory.
    picture: Option<Uuid>,
}

impl Stored {
    fn new(now: Millis) -> Self {
        let draft = Draft {
            id: TicketId(clock::new_id(now)),
            ticket_type: TicketType::Incident,
            subject: String::new(),
            description: String::new(),
            can_work: None,
            affected: Affected::Me,
            files: Vec::new(),
            removed_facts: Vec::new(),
            updated_at: now,
        };
        Self { draft, hashes: HashMap::new(), picture: None }
    }

    fn load(connection: &Connection, now: Millis) -> StoreResult<Self> {
        Ok(settings::get(connection, DRAFT)?.unwrap_or_else(|| Self::new(now)))
    }

    fn save(&self, connection: &Connection) -> StoreResult<()> {
        settings::set(connection, DRAFT, self)
    }

    fn add(&mut self, file: DraftFile, kept: Kept) {
        self.hashes.insert(file.id, kept.sha256);
        self.draft.files.push(DraftFile { size: kept.size, ..file });
    }

    /// What it becomes when it is sent.
    fn entry(&self, context: &Context, language: Language, now: Millis) -> outbox::Entry {
        let draft = &self.draft;
        let ticket = NewTicket {
            id: draft.id,
            author: RequesterId(Uuid::nil()),
            ticket_type: draft.ticket_type,
            subject: draft.subject.trim().to_owned(),
            description: draft.description.clone(),
            can_work: draft.can_work,
            affected: draft.affected,
            attachments: draft.files.iter().map(|file| announcement(file, self.hashes.get(&file.id))).collect(),
            context: context::without(context, &draft.removed_facts),
            language,
            written_at: now,
        };
        queued(ticket, &draft.files, now)
    }
}

/// Whether a text is what is kept of a ticket that is being written.
pub(crate) fn is_draft(text: &str) -> bool {
    serde_json::from_str::<Stored>(text).is_ok()
}

/// The files that the draft still needs.
pub(super) fn files_of_draft(connection: &Connection) -> StoreResult<Vec<AttachmentId>> {
    let stored: Option<Stored> = settings::get(connection, DRAFT)?;
    Ok(stored.map_or_else(Vec::new, |stored| stored.draft.files.iter().map(|file| file.id).collect()))
}

/// The words of the window win; the files are what was added here.
fn merged(stored: Stored, typed: Draft, now: Millis) -> Stored {
    // A window that has not heard yet that its ticket is on the way must not bring it back.
    if stored.draft.id != typed.id {
        return stored;
    }
    Stored { draft: Draft { files: stored.draft.files, updated_at: now, ..typed }, ..stored }
}

impl Agent {
    /// What the window begins with: the kept draft, and what would be sent with it.
    ///
    /// # Errors
    /// Where the draft cannot be read.
    pub async fn ticket_form(&self, screenshot: Option<Screenshot>) -> Answer<TicketForm> {
        let inner = &self.0;
        let context = tokio::task::spawn_blocking(context::context).await.map_err(|_| StoreError::Thread)?;
        *inner.context.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.clone());
        let (now, run, taken) = ((inner.clock)(), inner.run, screenshot.is_some());
        let (draft, screenshot_lost) = inner
            .store
            .write(move |tx| {
                let mut stored = Stored::load(tx, now)?;
                let lost = !taken && stored.picture.is_some_and(|held| held != run);
                stored.picture = taken.then_some(run);
                stored.save(tx)?;
                Ok((stored.draft, lost))
            })
            .await?;
        Ok(TicketForm { draft, screenshot, screenshot_lost, context })
    }

    /// Keeps what is typed.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub async fn save_draft(&self, draft: Draft) -> Answer<()> {
        let now = (self.0.clock)();
        self.0.store.write(move |tx| merged(Stored::load(tx, now)?, draft, now).save(tx)).await?;
        Ok(())
    }

    /// Begins anew. The files that were added go.
    ///
    /// # Errors
    /// Where the draft cannot be forgotten.
    pub async fn discard_draft(&self) -> Answer<()> {
        let now = (self.0.clock)();
        let stored = self
            .0
            .store
            .write(move |tx| {
                let stored = Stored::load(tx, now)?;
                settings::remove(tx, DRAFT)?;
                Ok(stored)
            })
            .await?;
        for file in stored.draft.files {
            self.0.files.remove(file.id);
        }
        Ok(())
    }

    /// Copies files into the draft: all of them, or none where one is refused.
    ///
    /// # Errors
    /// The limit that one of them exceeds, or why it cannot be read.
    pub async fn add_files(&self, paths: Vec<PathBuf>) -> Answer<Draft> {
        let mut sources = Vec::with_capacity(paths.len());
        for path in &paths {
            sources.push(Source::open(path)?);
        }
        self.add(sources).await
    }

    /// Adds a file that only memory holds: pasted, or dropped from another program.
    ///
    /// # Errors
    /// The limit that it exceeds.
    pub async fn add_file(&self, name: String, bytes: Vec<u8>) -> Answer<Draft> {
        self.add(vec![Source::of_memory(name, bytes)]).await
    }

    async fn add(&self, sources: Vec<Source>) -> Answer<Draft> {
        let inner = &self.0;
        let now = (inner.clock)();
        let draft = inner.store.read(move |c| Stored::load(c, now)).await?.draft;
        let sizes = draft.files.iter().map(|file| file.size).chain(sources.iter().map(|source| source.size()));
        fits(sizes)?;
        let files = inner.files.clone();
        let kept = tokio::task::spawn_blocking(move || {
            sources.into_iter().map(|source| source.keep(&files, now)).collect::<Answer<Vec<_>>>()
        });
        let kept = kept.await.map_err(|_| StoreError::Thread)??;
        let draft = inner
            .store
            .write(move |tx| {
                let mut stored = Stored::load(tx, now)?;
                for (file, kept) in kept {
                    stored.add(file, kept);
                }
                stored.save(tx)?;
                deskbell_protocol::crash_point!("draft.commit.before");
                Ok(stored.draft)
            })
            .await?;
        deskbell_protocol::crash_point!("draft.commit.after");
        Ok(draft)
    }

    /// Takes a file out of the draft again.
    ///
    /// # Errors
    /// Where the draft cannot be kept.
    pub async fn remove_file(&self, id: AttachmentId) -> Answer<Draft> {
        let now = (self.0.clock)();
        let draft = self
            .0
            .store
            .write(move |tx| {
                let mut stored = Stored::load(tx, now)?;
                stored.draft.files.retain(|file| file.id != id);
                stored.hashes.remove(&id);
                stored.save(tx)?;
                Ok(stored.draft)
            })
            .await?;
        self.0.files.remove(id);
        Ok(draft)
    }

    /// Puts the ticket into the outbox. It is on the disk, files and all, when this returns.
    ///
    /// # Errors
    /// The field that is wrong, the limit that is exceeded, or why this PC may not write. The draft
    /// stays as it is then.
    pub async fn submit(&self, draft: Draft, screenshot_png: Option<Vec<u8>>) -> Answer<OutboxEntry> {
        let inner = &self.0;
        self.may_write()?;
        checked(&draft)?;
        let now = (inner.clock)();
        let picture = match screenshot_png {
            Some(png) => Some(self.keep_picture(png).await?),
            None => None,
        };
        let kept = picture.as_ref().map(|(file, _)| file.id);
        let language = inner.status.borrow().language;
        let seen = inner.context.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        let ticket = move |connection: &Connection| -> StoreResult<Answer<outbox::Entry>> {
            let stored = Stored::load(connection, now)?;
            if stored.draft.id != draft.id {
                return Ok(Err(early(ErrorCode::Conflict, "this ticket is in the outbox already")));
            }
            let mut stored = merged(stored, draft, now);
            if let Some((file, kept)) = picture {
                stored.add(file, kept);
                stored.draft.files.rotate_right(1);
            }
            let sizes: Vec<u64> = stored.draft.files.iter().map(|file| file.size).collect();
            let waiting = outbox::bytes(connection)?;
            let fits = fits(sizes.iter().copied()).and_then(|()| has_room(waiting, sizes.iter().sum()));
            Ok(fits.map(|()| stored.entry(&seen, language, now)))
        };
        if deskbell_protocol::mutant!("saved.early") {
            let entry = inner.store.read(ticket).await??;
            let (early, agent) = (entry.view(), self.clone());
            tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                let _ = agent.0.store.write(move |tx| enqueue(tx, entry)).await;
                agent.sync_now();
            });
            return Ok(early);
        }
        let written = inner.store.write(move |tx| match ticket(tx)? {
            Ok(entry) => enqueue(tx, entry).map(Ok),
            Err(not) => Ok(Err(not)),
        });
        let entry = written.await.map_err(CommandError::from).flatten().inspect_err(|_| self.drop_file(kept))?;
        deskbell_protocol::crash_point!("submit.commit.after");
        self.sync_now();
        self.show_soon(entry.view());
        Ok(entry.view())
    }

    /// Shows an entry to the windows and the bell. Whoever sent it does not wait for that.
    fn show_soon(&self, entry: OutboxEntry) {
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let Some(inner) = inner.upgrade() else { return };
            if let Err(error) = inner.show(Effects { entries: vec![entry], ..Effects::default() }).await {
                tracing::warn!(%error, "what waits cannot be counted");
            }
        });
    }

    fn may_write(&self) -> Answer<()> {
        match &self.0.status.borrow().state {
            None => Err(local(LocalErrorCode::NotEnrolled, "this PC has not been introduced to the server yet")),
            Some(state) if !state.usable() => {
                Err(early(ErrorCode::NotEnabled, "the Helpdesk Agent is not enabled on this PC"))
            }
            Some(_) => Ok(()),
        }
    }
}

fn checked(draft: &Draft) -> Answer<()> {
    let subject = draft.subject.trim().chars().count();
    if subject == 0 {
        return Err(early(ErrorCode::SubjectMissing, "the subject is missing"));
    }
    if subject > SUBJECT_CHARS {
        return Err(early(ErrorCode::SubjectTooLong, "the subject is too long"));
    }
    if draft.description.chars().count() > TEXT_CHARS {
        return Err(early(ErrorCode::TextTooLong, "the text is too long"));
    }
    Ok(())
}

/// The draft becomes an entry.
fn enqueue(connection: &Connection, entry: outbox::Entry) -> StoreResult<outbox::Entry> {
    let entry = outbox::keep(connection, entry)?;
    settings::remove(connection, DRAFT)?;
    deskbell_protocol::crash_point!("submit.commit.before");
    Ok(entry)
}

pub(crate) fn queued(new: NewTicket, files: &[DraftFile], now: Millis) -> outbox::Entry {
    outbox::Entry {
        id: new.id.0,
        ticket: new.id,
        subject: new.subject.clone(),
        author: None,
        item: OutboxItem::Ticket(new),
        reason: None,
        refused: false,
        number: None,
        delivered: false,
        written_at: now,
        files: progress(files),
    }
}
