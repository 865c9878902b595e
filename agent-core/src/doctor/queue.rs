//! The queue beside the agent that may be using it, and what it knows of this device.

use std::path::Path;

use deskbell_protocol::id::{InstallationId, ServerId};

use super::{Check, Code, Finding};
use crate::store::{self, StoreResult, outbox, settings};

#[derive(Debug, Default)]
pub(super) struct Known {
    /// That this device introduced itself to.
    pub(super) server: Option<ServerId>,
    pub(super) installation: Option<InstallationId>,
    /// The name under which the key lies.
    pub(super) account: Option<String>,
    waiting: u32,
    attention: u32,
}

/// Nothing where no agent has ever run.
pub(super) type Queue = StoreResult<Option<Known>>;

pub(super) fn look(folder: &Path) -> Queue {
    store::peek(folder, |connection| {
        let (waiting, attention) = outbox::counts(connection)?;
        Ok(Known {
            server: settings::get(connection, "server")?,
            installation: settings::get(connection, "installation")?,
            account: settings::get(connection, "key_account")?,
            waiting,
            attention,
        })
    })
}

pub(super) fn finding(found: &Queue) -> Finding {
    let finding = |code| Finding::new(Check::Queue, code);
    match found {
        Ok(None) => finding(Code::QueueNotMade),
        Ok(Some(known)) => {
            let code = if known.attention > 0 { Code::QueueNeedsAttention } else { Code::QueueFine };
            finding(code).with("waiting", known.waiting).with("attention", known.attention)
        }
        Err(error) => finding(Code::QueueUnreadable).with("reason", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_queue_is_fine_or_says_why_not() {
        let known = |attention| Ok(Some(Known { waiting: 2, attention, ..Known::default() }));
        assert_eq!(finding(&known(0)).code, Code::QueueFine);
        assert_eq!(finding(&known(1)).code, Code::QueueNeedsAttention);
        assert_eq!(finding(&Ok(None)).code, Code::QueueNotMade);
        assert_eq!(finding(&Err(StoreError::Thread)).code, Code::QueueUnreadable);
    }
}
