//! The agent's settings: what there is to set ([`SETTINGS`]), who has set it ([`Sources`]), and what
//! follows from that ([`Policy`]). `docs/settings.md` is made from the list.

mod config;
mod fault;
mod file;
mod folders;
mod list;
#[cfg(test)]
mod reference;
#[cfg(windows)]
mod registry;
mod resolve;
mod sources;

pub use config::{Config, EnrolmentKey, Proxy};
pub use fault::{Fault, Reason};
pub use folders::{ConfigError, Folders};
pub use list::{HIDDEN, Kind, SETTINGS, Setting};
pub use resolve::{Policy, Resolved};
pub use sources::{Choices, Given, Origin, Sources};
