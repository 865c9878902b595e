//! The agent without a screen: it keeps what people write, proves who it is, and brings it to the
//! server exactly once.
//!
//! [`Agent`] is the handle that screens hold. What it does by itself happens in [`Agent::run`].

mod agent;
pub mod bell;
pub mod clock;
mod context;
pub mod doctor;
mod error;
mod files;
mod http;
mod keys;
mod live;
mod news;
pub mod policy;
pub mod simulate;
mod store;
mod sync;
mod upload;
pub mod view;
mod worker;

pub use agent::{Agent, OpenError, Setup, update::platform};
pub use files::make_private;

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
