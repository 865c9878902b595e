//! What crosses programs: a private desktop, real mail, a real browser, and the story that a
//! person would live through with them.

pub mod agent;
pub mod api;
pub mod desktop;
pub mod device;
pub mod mail;
pub mod mailbox_page;
pub mod notifications;
pub mod picture;
pub mod postgres;
pub mod process;
pub mod server;
pub mod story;
pub mod tray_host;
pub mod wait;
pub mod webdriver;
