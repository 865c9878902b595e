//! What crosses programs: a private desktop, real mail, a real browser, and the story that a
//! person would live through with them.

pub mod desktop;
pub mod mail;
pub mod notifications;
pub mod picture;
pub mod postgres;
pub mod process;
pub mod tray_host;
pub mod wait;
pub mod webdriver;
