//! One file per endpoint, or per verbs of one resource.

pub mod agent;
mod announce;
pub mod console;
pub mod conversation;
pub mod health;
pub mod portal;
pub mod setup;
