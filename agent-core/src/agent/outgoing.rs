//! The outbox, as the person sees it.

use std::{io::Write, path::Path};

use deskbell_protocol::sync::OutboxItem;
use uuid::Uuid;

use super::Agent;
use crate::{
    error::{Answer, local},
    store::{StoreError, outbox},
    sync::Effects,
    view::{LocalErrorCode, OutboxEntry},
};

impl Agent {
    /// What is not delivered, oldest first.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn outbox(&self) -> Answer<Vec<OutboxEntry>> {
        let entries = self.0.store.read(outbox::undelivered).await?;
        Ok(entries.iter().map(outbox::Entry::view).collect())
    }

    /// One entry; delivered ones are known for a day.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn outbox_entry(&self, id: Uuid) -> Answer<Option<OutboxEntry>> {
        let entry = self.0.store.read(move |c| outbox::find(c, id)).await?;
        Ok(entry.map(|entry| entry.view()))
    }

    /// Writes an entry with its files into a ZIP archive, for another way to the helpdesk.
    ///
    /// # Errors
    /// Where there is no such entry, or the archive cannot be written.
    pub async fn export_entry(&self, id: Uuid, path: &Path) -> Answer<()> {
        let entry = self.existing(id).await?;
        let (files, path) = (self.0.files.clone(), path.to_owned());
        let written = tokio::task::spawn_blocking(move || archive(&entry, &files, &path));
        written.await.map_err(|_| StoreError::Thread)?.map_err(StoreError::Io)?;
        Ok(())
    }

    /// Forgets an entry that is not delivered, on the person's wish.
    ///
    /// # Errors
    /// Where there is no such entry, or it cannot be forgotten.
    pub async fn discard_entry(&self, id: Uuid) -> Answer<()> {
        // What is on its way at this moment may be stored there; then it is not to be forgotten here.
        let _alone = self.0.exchange.lock().await;
        let entry = self.existing(id).await?;
        let gone = entry.clone();
        self.0.store.write(move |tx| outbox::discard(tx, &gone)).await?;
        self.0.remove_files(&entry.files);
        self.0.show(Effects { tickets_changed: true, ..Effects::default() }).await?;
        self.sync_now();
        Ok(())
    }

    async fn existing(&self, id: Uuid) -> Answer<outbox::Entry> {
        let entry = self.0.store.read(move |c| outbox::find(c, id)).await?;
        entry
            .filter(|entry| !entry.delivered)
            .ok_or_else(|| local(LocalErrorCode::NotFound, "it is not in the outbox any more"))
    }
}

fn archive(entry: &outbox::Entry, files: &crate::files::Files, path: &Path) -> std::io::Result<()> {
    let options = zip::write::SimpleFileOptions::default();
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path)?);
    zip.start_file("ticket.txt", options)?;
    zip.write_all(text(entry).as_bytes())?;
    for (position, file) in entry.files.iter().enumerate() {
        // Two files may have one name; an archive has it once.
        zip.start_file(format!("{:02} {}", position + 1, file.name), options)?;
        std::io::copy(&mut std::fs::File::open(files.path(file.id))?, &mut zip)?;
    }
    zip.finish()?.sync_all()
}

fn text(entry: &outbox::Entry) -> String {
    match &entry.item {
        OutboxItem::Ticket(ticket) => format!("{}\n\n{}\n", ticket.subject, ticket.description),
        OutboxItem::Reply(reply) => format!("{}\n\n{}\n", entry.subject, reply.text),
        OutboxItem::Status(status) => format!("{}\n\n{}\n", entry.subject, status.status),
    }
}
