//! What agents call. Every endpoint but `hello` takes a signed request.

pub mod attachments;
pub mod confirmation;
pub mod enrol;
pub mod hello;
mod ingest;
pub mod live;
mod state;
pub mod sync;
pub mod tickets;
