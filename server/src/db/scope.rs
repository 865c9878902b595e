//! Which clients' rows a request may see.

use deskbell_protocol::id::ClientId;

/// It comes from who makes the request, never from what the request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A technician of the organization.
    All,
    Client(ClientId),
}

impl Scope {
    #[must_use]
    pub fn includes(self, client: ClientId) -> bool {
        match self {
            Self::All => true,
            Self::Client(own) => own == client,
        }
    }

    /// The client's id, or the empty text for all: every statement on a client's rows ends with
    /// `and ($n = '' or client_id = $n)`.
    #[must_use]
    pub fn bind(self) -> String {
        match self {
            Self::All => String::new(),
            Self::Client(id) => id.to_string(),
        }
    }
}
