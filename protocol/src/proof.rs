//! What `cargo xtask prove` turns on in the real programs: points at which they are killed, and defects
//! that it has to find. Both are words in the code and nothing else, unless a feature says otherwise, and
//! a build that is handed out does not compile with either of them.
//!
//! Their names come from the code: the proof reads them from the sources, and fails where one is not used.

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("`crash-points` ends the program at the wish of a variable; it is for proofs, never for a release");
#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("`mutants` are defects; they are for proofs, never for a release");

/// The variable that names the point to die at: `name`, or `name:3` for the third time it is passed.
pub const CRASH: &str = "DESKBELL_CRASH";
/// The variable that names the defect to have.
pub const MUTANT: &str = "DESKBELL_MUTANT";

/// A point at which a proof may kill this program with SIGKILL: nothing after it happens.
#[macro_export]
macro_rules! crash_point {
    ($name:literal) => {
        $crate::proof::crash_point($name)
    };
}

/// Whether the program has the seeded defect of this name.
#[macro_export]
macro_rules! mutant {
    ($name:literal) => {
        $crate::proof::mutant($name)
    };
}

/// Ends the program where [`CRASH`] names this point. Call it by the macro [`crate::crash_point!`].
#[cfg(all(unix, feature = "crash-points"))]
pub fn crash_point(name: &'static str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(order) = std::env::var(CRASH) else { return };
    let (wanted, time) = order.split_once(':').unwrap_or((&order, "1"));
    if wanted != name || PASSED.fetch_add(1, Ordering::Relaxed) + 1 != time.parse().unwrap_or(1) {
        return;
    }
    // A failure leaves the program alive, and the proof says that the point was not reached.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}

/// Does nothing.
#[cfg(not(all(unix, feature = "crash-points")))]
pub const fn crash_point(_name: &'static str) {}

/// Whether [`MUTANT`] names this defect. Call it by the macro [`crate::mutant!`].
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(name: &'static str) -> bool {
    std::env::var(MUTANT).is_ok_and(|wanted| wanted == name)
}

/// No: a build without the feature has none.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn mutant(_name: &'static str) -> bool {
    false
}
