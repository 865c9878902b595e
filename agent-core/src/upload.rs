//! The files of what the server has already, in pieces that can resume.

use std::io::SeekFrom;

use deskbell_protocol::{error::ErrorCode, limits::PIECE_BYTES, sync::UploadProgress};
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::{
    agent::Inner,
    error,
    http::{Http, HttpError, Identity},
    store::outbox,
    sync::{Effects, outcome_news},
    view::{FileProgress, LocalErrorCode},
    worker::Fault,
};

/// Brings the files of everything that the server has to it. False where one did not come to an end.
pub(crate) async fn all(inner: &Inner, http: &Http, who: &Identity) -> Result<bool, Fault> {
    let entries = inner.store.read(outbox::sending).await?;
    let mut done = true;
    for entry in entries {
        for file in entry.files.iter().filter(|file| !file.complete) {
            if !one(inner, http, who, entry.id, file).await? {
                done = false;
                break;
            }
        }
        // All of them together: as long as one is not there, somebody may want to export the entry.
        let now = inner.store.read(move |c| outbox::find(c, entry.id)).await?;
        if now.is_none_or(|now| now.delivered) {
            deskbell_protocol::crash_point!("upload.remove.before");
            inner.remove_files(&entry.files);
            deskbell_protocol::crash_point!("upload.remove.after");
        }
    }
    Ok(done)
}

/// Brings one file to the server, from where it stopped. False where it did not come to an end.
async fn one(
    inner: &Inner,
    http: &Http,
    who: &Identity,
    entry: uuid::Uuid,
    file: &FileProgress,
) -> Result<bool, Fault> {
    let path = format!("/attachments/{}", file.id);
    deskbell_protocol::crash_point!("upload.ask.before");
    let mut stored: UploadProgress = match http.get(who, &path).await {
        Ok(stored) => stored,
        Err(error) => return not_now(inner, http, who, (entry, &path), error).await,
    };
    deskbell_protocol::crash_point!("upload.ask.after");
    let mut mismatches = 0;
    while !stored.complete {
        let offset = stored.received;
        let piece = match piece(inner, file, offset).await {
            Ok(piece) if !piece.is_empty() => piece,
            Ok(_) => {
                return hold(inner, entry, LocalErrorCode::FileUnreadable, "the file is shorter than it was").await;
            }
            Err(error) => return hold(inner, entry, LocalErrorCode::FileUnreadable, &error.to_string()).await,
        };
        deskbell_protocol::crash_point!("upload.piece.before");
        stored = match http.put_piece(who, &path, offset, piece).await {
            Ok(stored) => stored,
            Err(error) => match after_failure(&error, offset, mismatches) {
                Next::From(received) => UploadProgress { received, ..stored },
                Next::Again => {
                    mismatches += 1;
                    UploadProgress { received: 0, ..stored }
                }
                Next::Changed => {
                    let why = "the file was changed on this PC";
                    return hold(inner, entry, LocalErrorCode::FileUnreadable, why).await;
                }
                Next::Stop => return not_now(inner, http, who, (entry, &path), error).await,
            },
        };
        deskbell_protocol::crash_point!("upload.piece.after");
        tell(inner, entry, &stored).await?;
    }
    tell(inner, entry, &stored).await?;
    Ok(true)
}

/// What to do after a piece that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The server's part ends elsewhere.
    From(u64),
    /// Something on the way changed a byte; once more from the start.
    Again,
    Changed,
    Stop,
}

fn after_failure(error: &HttpError, offset: u64, mismatches: u32) -> Next {
    let HttpError::Refused(body) = error else { return Next::Stop };
    match (body.code, body.details.received) {
        // The same place again would be the same answer again.
        (ErrorCode::FileOffsetWrong, Some(received)) if received != offset => Next::From(received),
        (ErrorCode::FileHashMismatch, _) if mismatches == 0 => Next::Again,
        (ErrorCode::FileHashMismatch, _) => Next::Changed,
        _ => Next::Stop,
    }
}

/// An answer of the server's about this file is no fault of the connection: syncs go their way, and the
/// file is tried again after a while. That the server does not know the file is believed the second time:
/// addresses that do not exist are answered in the same way, and something on the way may have changed one.
async fn not_now(
    inner: &Inner,
    http: &Http,
    who: &Identity,
    (entry, path): (uuid::Uuid, &str),
    error: HttpError,
) -> Result<bool, Fault> {
    match error.code() {
        Some(ErrorCode::NotFound) => {
            let again: Result<UploadProgress, HttpError> = http.get(who, path).await;
            if again.is_err_and(|error| error.code() == Some(ErrorCode::NotFound)) {
                return hold(inner, entry, LocalErrorCode::NotFound, "the server does not know this file").await;
            }
            Ok(false)
        }
        Some(code) if !about_device(code) => {
            tracing::warn!(%error, "a file is not taken at the moment");
            Ok(false)
        }
        _ => Err(error.into()),
    }
}

/// Whether the server answers nothing else either.
const fn about_device(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ClockSkew
            | ErrorCode::WrongServer
            | ErrorCode::DeviceUnknown
            | ErrorCode::DeviceUnapproved
            | ErrorCode::DeviceQuarantined
            | ErrorCode::DeviceRevoked
    )
}

async fn piece(inner: &Inner, file: &FileProgress, offset: u64) -> std::io::Result<Vec<u8>> {
    let mut open = tokio::fs::File::open(inner.files.path(file.id)).await?;
    open.seek(SeekFrom::Start(offset)).await?;
    // No more than was announced, whatever has become of the file.
    let length = file.size.saturating_sub(offset).min(PIECE_BYTES as u64);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    open.take(length).read_to_end(&mut piece).await?;
    Ok(piece)
}

async fn tell(inner: &Inner, entry: uuid::Uuid, stored: &UploadProgress) -> Result<(), Fault> {
    let (stored, now) = (stored.clone(), (inner.clock)());
    let effects = inner
        .store
        .write(move |tx| {
            outbox::progress(tx, stored.id, stored.received, stored.complete)?;
            outbox::deliver_if_complete(tx, entry, now)?;
            deskbell_protocol::crash_point!("upload.progress.before");
            let entries: Vec<_> = outbox::find(tx, entry)?.iter().map(outbox::Entry::view).collect();
            let news = entries.iter().filter_map(outcome_news).collect();
            Ok(Effects { entries, news, ..Effects::default() })
        })
        .await?;
    deskbell_protocol::crash_point!("upload.progress.after");
    inner.show(effects).await?;
    Ok(())
}

async fn hold(inner: &Inner, entry: uuid::Uuid, code: LocalErrorCode, message: &str) -> Result<bool, Fault> {
    let reason = error::local(code, message);
    let effects = inner
        .store
        .write(move |tx| {
            outbox::hold(tx, entry, &reason, true)?;
            let entries: Vec<_> = outbox::find(tx, entry)?.iter().map(outbox::Entry::view).collect();
            let news = entries.iter().filter_map(outcome_news).collect();
            Ok(Effects { entries, news, ..Effects::default() })
        })
        .await?;
    inner.show(effects).await?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::error::{ErrorBody, ErrorDetails};

    use super::*;

    fn refused(code: ErrorCode, received: Option<u64>) -> HttpError {
        let details = ErrorDetails { received, ..ErrorDetails::default() };
        HttpError::Refused(Box::new(ErrorBody { code, message: String::new(), details }))
    }

    #[test]
    fn an_upload_goes_on_where_the_server_stands_and_never_turns_in_a_circle() {
        let elsewhere = refused(ErrorCode::FileOffsetWrong, Some(4));
        assert_eq!(after_failure(&elsewhere, 9, 0), Next::From(4));
        assert_eq!(after_failure(&elsewhere, 4, 0), Next::Stop);
        assert_eq!(after_failure(&refused(ErrorCode::FileOffsetWrong, None), 4, 0), Next::Stop);
    }

    #[test]
    fn changed_bytes_are_sent_once_more_and_then_held() {
        let mismatch = refused(ErrorCode::FileHashMismatch, Some(0));
        assert_eq!(after_failure(&mismatch, 9, 0), Next::Again);
        assert_eq!(after_failure(&mismatch, 9, 1), Next::Changed);
    }

    #[test]
    fn a_full_server_is_no_lost_connection() {
        for code in [ErrorCode::StorageFull, ErrorCode::NotEnabled, ErrorCode::Internal] {
            assert_eq!(after_failure(&refused(code, None), 0, 0), Next::Stop);
            assert!(!about_device(code));
        }
        assert!(about_device(ErrorCode::DeviceRevoked));
    }
}
