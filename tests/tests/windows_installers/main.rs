//! The installers for Windows, under wine: what an administrator runs without a question, and what is on
//! the device afterwards.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "clippy lets tests unwrap, and not the functions beside them")]

mod device;
mod documented;
mod kept;
mod msi;
mod packages;
mod pages;
mod setup_exe;
mod signed;
mod upgrade_in_use;
