//! What the console calls. Every endpoint but signing in takes a technician.

pub mod attachments;
pub mod clients;
pub mod devices;
pub mod enablement;
pub mod enrolment_keys;
pub mod history;
pub mod installations;
pub mod live;
pub mod mail;
pub mod overview;
pub mod people;
pub mod session;
pub mod tickets;
