//! What the floors of the benchmarks share: the key, held as the agent holds it.

#[cfg(target_os = "linux")]
mod key;
#[cfg(target_os = "linux")]
mod window;

#[cfg(target_os = "linux")]
pub use key::on_key;
#[cfg(target_os = "linux")]
pub use window::{SIZE, show, window};
