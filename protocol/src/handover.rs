//! The hand-over from the agent to a browser, for computers on which no window can be shown.

use serde::{Deserialize, Serialize};

use crate::{Millis, ticket::word};

word! {
    /// What the browser shall show.
    HandoverPage { NewTicket = "new_ticket", Settings = "settings" }
}

/// `POST /api/agent/v1/handover`: a link that opens one page, once, as the person at this installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskHandover {
    pub page: HandoverPage,
}

/// The answer to [`AskHandover`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Handover {
    /// Holds a secret behind its `#`, which browsers send to nobody. Not to be logged.
    pub url: String,
    #[ts(type = "number")]
    pub expires_at: Millis,
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
