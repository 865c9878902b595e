//! Whether the system lets us see the screen. macOS asks the person, once, in words of its own; so we say
//! first what for, and let it ask when the person has chosen to take a picture.

use deskbell_agent_core::{
    Agent,
    view::{Problem, ProblemCode},
};

/// What comes before a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Capture,
    /// Open the window without a picture, with our words in it.
    Explain,
    /// The person has read them: now the system asks.
    Ask,
}

const fn step(allowed: bool, wished: bool) -> Step {
    match (allowed, wished) {
        (true, _) => Step::Capture,
        (false, false) => Step::Explain,
        (false, true) => Step::Ask,
    }
}

/// Whether the screen may be captured now. `wished`: the person has just chosen to take a picture.
pub(crate) fn to_capture(agent: &Agent, wished: bool) -> bool {
    let allowed = match step(allowed(), wished) {
        Step::Capture => true,
        Step::Explain => false,
        Step::Ask => ask(),
    };
    if allowed {
        agent.clear_problem(ProblemCode::ScreenNotAllowed);
    } else {
        agent.report_problem(Problem { code: ProblemCode::ScreenNotAllowed, subject: None });
    }
    allowed
}

#[cfg(target_os = "macos")]
fn allowed() -> bool {
    objc2_core_graphics::CGPreflightScreenCaptureAccess()
}

/// Shows the system's question the first time, and its answer from then on.
#[cfg(target_os = "macos")]
fn ask() -> bool {
    objc2_core_graphics::CGRequestScreenCaptureAccess()
}

/// The other systems let every program of the person's see the person's screen.
#[cfg(not(target_os = "macos"))]
const fn allowed() -> bool {
    true
}

#[cfg(not(target_os = "macos"))]
const fn ask() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_asks_nobody_who_has_not_read_why() {
        assert_eq!(step(true, false), Step::Capture);
        assert_eq!(step(true, true), Step::Capture);
        assert_eq!(step(false, false), Step::Explain, "the key alone makes no question appear over the screen");
        assert_eq!(step(false, true), Step::Ask);
    }
}
