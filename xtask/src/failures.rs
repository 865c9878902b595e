//! What failed, kept to be said once more at the end: of a long run people, and some machines, read the end
//! alone.

use std::sync::{Mutex, PoisonError};

/// Lines that are kept of one command.
const LINES: usize = 60;

static KEPT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what a command that failed had printed.
pub(crate) fn keep(what: &str, printed: &str) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what}\n{}", excerpt(printed)));
}

/// All of it, in the order of failing.
pub(crate) fn take() -> Vec<String> {
    std::mem::take(&mut KEPT.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What cargo's tests say of those that failed, or else the last lines; each set apart from our own.
fn excerpt(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().collect();
    let mut tests = Vec::new();
    let mut inside = false;
    for line in &lines {
        inside = inside || *line == "failures:";
        if inside {
            tests.push(*line);
        }
        inside = inside && !line.starts_with("test result: ");
    }
    let said = if tests.is_empty() { &lines } else { &tests };
    // The beginning of the tests' words, where the cause stands; the end of everything else.
    let shown =
        if tests.is_empty() { &said[said.len().saturating_sub(LINES)..] } else { &said[..said.len().min(LINES)] };
    shown.iter().map(|line| format!("  | {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failed_test_is_told_rather_than_what_follows_it() {
        let printed = "test a ... FAILED\n\nfailures:\n\n---- a ----\nleft: 1\n\nfailures:\n    a\n\ntest result: FAILED. 0 passed; 1 failed\n"
            .to_owned()
            + &"   Running another\n".repeat(LINES);
        let told = excerpt(&printed);
        assert!(told.contains("  | left: 1\n"), "{told}");
        assert!(!told.contains("another"), "{told}");
    }

    #[test]
    fn of_everything_else_the_last_lines_are_told() {
        let printed: String = (0..200).map(|number| format!("line {number}\n")).collect();
        let told = excerpt(&printed);
        assert!(told.starts_with("  | line 140\n") && told.ends_with("  | line 199\n"), "{told}");
    }
}
