//! What crosses programs: a private desktop, real mail, a real browser, and the story that a
//! person would live through with them. The private desktop is an X server's, so that part is for
//! Linux; the demo on one's own desktop is for every system.

pub mod api;
pub mod device;
pub mod hash;
pub mod mail;
pub mod mailbox_page;
pub mod postgres;
pub mod process;
pub mod server;
pub mod ticket;
pub mod wait;

#[cfg(target_os = "linux")]
pub mod agent;
#[cfg(target_os = "linux")]
pub mod apart;
#[cfg(target_os = "linux")]
pub mod bench;
#[cfg(target_os = "linux")]
pub mod desktop;
#[cfg(target_os = "linux")]
pub mod headless;
#[cfg(target_os = "linux")]
pub mod helpdesk;
#[cfg(target_os = "linux")]
pub mod notifications;
#[cfg(target_os = "linux")]
pub mod os_user;
#[cfg(target_os = "linux")]
pub mod packages;
#[cfg(target_os = "linux")]
pub mod picture;
#[cfg(target_os = "linux")]
pub mod prove;
#[cfg(target_os = "linux")]
pub mod proxy;
#[cfg(target_os = "linux")]
pub mod story;
#[cfg(target_os = "linux")]
pub mod tls;
#[cfg(target_os = "linux")]
pub mod tray_host;
#[cfg(target_os = "linux")]
pub mod webdriver;
#[cfg(target_os = "linux")]
pub mod wine;
