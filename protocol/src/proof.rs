//! What `cargo xtask prove` turns on in the real programs: points at which they are killed, and defects
//! that it has to find. Both are words in the code and nothing else, unless a feature says otherwise, and
//! a build that is handed out does not compile with either of them.
//!
//! Their names come from the code: the proof reads them from the sources, and fails where one is not used.

#[cfg(all(feature = "crash-points", not(debug_assertions)))]
compile_error!("`crash-points` ends the program at the wish of a variable; it is for proofs, never for a release");
#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("`mutants` are defects; they are for proofs, never for a release");

/// The variable that names the point to die at: `name`, or `name:3` for the third time it is passed. With
/// `@/a/file` the file says so, and may say something else later; what follows a second colon makes two orders
/// differ, and each is counted from its beginning.
pub const CRASH: &str = "DESKBELL_CRASH";
/// The variable that names a file, to whose end an order is written before the program dies of it: another death
/// by the same signal is none of ours.
pub const CRASHED: &str = "DESKBELL_CRASHED";
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
    use std::sync::{Mutex, PoisonError};

    /// The order that is being followed, and how often its point was passed.
    static PASSED: Mutex<(String, u32)> = Mutex::new((String::new(), 0));
    let Ok(order) = std::env::var(CRASH) else { return };
    let order = match order.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).unwrap_or_default(),
        None => order,
    };
    let mut words = order.split(':');
    let (wanted, time) = (words.next().unwrap_or_default(), words.next().and_then(|time| time.parse().ok()));
    if wanted != name {
        return;
    }
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    if passed.0 != order {
        *passed = (order.clone(), 0);
    }
    passed.1 += 1;
    if passed.1 != time.unwrap_or(1) {
        return;
    }
    if let Ok(file) = std::env::var(CRASHED) {
        // One call, so that nobody reads half a line. Where it fails, the proof takes the death for an unknown one.
        let _ = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| std::io::Write::write_all(&mut file, format!("{order}\n").as_bytes()));
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
