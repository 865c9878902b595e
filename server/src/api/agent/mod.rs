//! What agents call. Every endpoint but `hello` takes a signed request.

pub mod attachments;
pub mod confirmation;
pub mod enrol;
pub mod handover;
pub mod hello;
pub(in crate::api) mod ingest;
pub mod live;
pub(in crate::api) mod state;
pub mod sync;
pub mod tickets;
pub mod updates;
