//! One file per endpoint, or per verbs of one resource.

pub mod agent;
pub mod conversation;
pub mod console;
pub mod health;
pub mod setup;
