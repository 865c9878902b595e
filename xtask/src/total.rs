//! How many tests passed, read from what test programs print.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub passed: u32,
    pub failed: u32,
}

impl Total {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };

    /// Counts cargo's, Vitest's and Playwright's summaries. A run that failed without naming a
    /// failed test (it did not compile, or never started) counts as one failure, and so does one
    /// that succeeded without any test.
    pub(crate) fn of(printed: &str, succeeded: bool) -> Self {
        let mut total = Self::default();
        for line in printed.lines().map(str::trim) {
            total += summary(line).unwrap_or_default();
        }
        if (succeeded && total.passed == 0) || (!succeeded && total.failed == 0) {
            total.failed += 1;
        }
        total
    }
}

fn summary(line: &str) -> Option<Total> {
    if let Some(counts) = line.strip_prefix("test result: ") {
        return Some(Total { passed: before(counts, "passed"), failed: before(counts, "failed") });
    }
    if let Some(counts) = line.strip_prefix("Tests  ") {
        return Some(Total { passed: before(counts, "passed"), failed: before(counts, "failed") });
    }
    // Playwright: `12 passed (3.4s)`, `1 failed`, `1 flaky`: a test that needs two tries is red.
    let (number, word) = line.split_once(' ')?;
    let number = number.parse().ok()?;
    match word.split(' ').next()? {
        "passed" if word.contains('(') => Some(Total { passed: number, failed: 0 }),
        "failed" | "flaky" if !word.contains(' ') => Some(Total { passed: 0, failed: number }),
        _ => None,
    }
}

/// The number in front of a word.
fn before(text: &str, word: &str) -> u32 {
    let words: Vec<&str> = text.split([' ', ';', '|']).filter(|w| !w.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

impl std::ops::AddAssign for Total {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_program_is_counted() {
        let cargo = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\ntest result: FAILED. 1 passed; 2 failed; 0 ignored";
        assert_eq!(Total::of(cargo, false), Total { passed: 6, failed: 2 });
        assert_eq!(Total::of("      Tests  1 failed | 12 passed (13)", false), Total { passed: 12, failed: 1 });
        assert_eq!(Total::of("  1 flaky\n  40 passed (12.3s)", true), Total { passed: 40, failed: 1 });
    }

    #[test]
    fn nothing_ran_is_a_failure() {
        assert_eq!(Total::of("error: could not compile", false), Total::FAILED);
        assert_eq!(Total::of("test result: ok. 0 passed; 0 failed", true), Total::FAILED, "no test is no success");
        assert_eq!(Total::of("error after test result: ok. 3 passed", false), Total::FAILED);
    }
}
