//! What the agent and the server say to each other: shapes, limits and the signature over them.
//!
//! Nothing here does I/O, but for [`proof`] in a build that is made to be proved. A change to a type in this crate is a change to the protocol: agents may
//! have been away for months, so fields are added as optional and retired only when no queue can
//! hold them any more.

pub mod conversation;
pub mod device;
pub mod error;
pub mod handover;
pub mod id;
pub mod limits;
pub mod proof;
pub mod secret;
pub mod settings;
pub mod signature;
pub mod sync;
pub mod ticket;
pub mod update;

/// The version of this protocol. The server names the oldest one it still understands in
/// [`device::Hello`]; an agent below it keeps its queue and says that it has to be updated.
pub const PROTOCOL_VERSION: u32 = 1;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The header that names the server a signed request is meant for, so that a request recorded at
/// one server is worth nothing at another.
pub const SERVER_ID_HEADER: &str = "deskbell-server-id";
