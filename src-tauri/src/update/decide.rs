//! The decisions about updates: whose installation this is, when to look, and what is too old.

use std::{path::Path, time::Duration};

use deskbell_protocol::update::UpdateOffer;
use semver::Version;

/// Who replaces this program by a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installation {
    /// The administrator's own tool.
    PerMachine,
    /// The program itself.
    PerUser,
}

/// What the system says of the program's place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) program: &'a Path,
    /// Folders that belong to this user alone.
    pub(crate) own: &'a [&'a Path],
    /// This user may replace the program.
    pub(crate) writable: bool,
    /// A package manager has a record of the program, and would find another one.
    pub(crate) packaged: bool,
}

/// Only what lies among the person's own files is replaced without an administrator: a program that
/// others start too, and that one of them could replace, would be the way from one account to the next.
pub(crate) fn installation(place: Place<'_>) -> Installation {
    let theirs = place.own.iter().any(|folder| place.program.starts_with(folder));
    if theirs && place.writable && !place.packaged { Installation::PerUser } else { Installation::PerMachine }
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing is newer, or what is was refused.
    Done,
    /// The server did not answer, or asked for a pause.
    Failed { wait: Option<Duration> },
}

/// Between two looks.
const EVERY: Duration = Duration::from_secs(4 * 60 * 60);
/// After a failure.
const RETRY: Duration = Duration::from_secs(15 * 60);
/// A server that asks for more is mistaken.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

/// The pause after a look. `fraction` is random, from 0 to 1: 5,000 agents that began together do not go
/// on together.
pub(crate) fn pause(look: Look, fraction: f64) -> Duration {
    match look {
        Look::Done => EVERY.mul_f64(0.75 + fraction / 2.0),
        Look::Failed { wait: None } => RETRY.mul_f64(0.75 + fraction / 2.0),
        Look::Failed { wait: Some(wish) } => wish.min(LONGEST_WISH).mul_f64(1.0 + fraction),
    }
}

/// The version of an offer that may be taken. One that is not newer is not, whatever the server says:
/// an older one has faults that a newer one mends.
pub(crate) fn newer(offer: &UpdateOffer, running: &Version) -> Option<Version> {
    Version::parse(&offer.version).ok().filter(|version| version > running)
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::update::UpdateRing;

    use super::*;

    #[test]
    fn only_a_program_among_ones_own_files_updates_itself() {
        let own: &[&Path] = &[Path::new("/home/sam")];
        for (program, writable, packaged, expected) in [
            ("/home/sam/.local/bin/deskbell", true, false, Installation::PerUser),
            ("/home/sam/.local/bin/deskbell", false, false, Installation::PerMachine),
            ("/home/sam/.local/bin/deskbell", true, true, Installation::PerMachine),
            ("/usr/bin/deskbell", true, false, Installation::PerMachine),
            ("/opt/deskbell/deskbell", false, false, Installation::PerMachine),
            ("/home/samantha/bin/deskbell", true, false, Installation::PerMachine),
        ] {
            let place = Place { program: Path::new(program), own, writable, packaged };
            assert_eq!(installation(place), expected, "{place:?}");
        }
        let nowhere = Place { program: Path::new("/a"), own: &[], writable: true, packaged: false };
        assert_eq!(installation(nowhere), Installation::PerMachine, "without a home");
    }

    #[test]
    fn it_looks_every_few_hours_and_not_with_all_the_others() {
        let hours = |look, fraction| pause(look, fraction).as_secs_f64() / 3600.0;
        assert_eq!((hours(Look::Done, 0.0), hours(Look::Done, 1.0)), (3.0, 5.0));
        assert!(hours(Look::Failed { wait: None }, 1.0) < 1.0, "a failure is not waited out for hours");
        let asked = Look::Failed { wait: Some(Duration::from_secs(30)) };
        assert_eq!(pause(asked, 0.0), Duration::from_secs(30), "never sooner than the server asked for");
        let mistaken = Look::Failed { wait: Some(Duration::MAX) };
        assert!(hours(mistaken, 1.0) <= 2.0, "never turned away for good");
    }

    #[test]
    fn nothing_is_taken_that_is_not_newer() {
        let running = Version::new(1, 2, 0);
        for (offered, taken) in [
            ("1.2.1", true),
            ("1.10.0", true),
            ("2.0.0-rc.1", true),
            ("1.2.0", false),
            ("1.2.0-rc.9", false),
            ("1.1.9", false),
            ("latest", false),
            ("../../1.3.0", false),
            ("", false),
        ] {
            let offer =
                UpdateOffer { version: offered.into(), ring: UpdateRing::Stable, size: 1, signature: String::new() };
            assert_eq!(newer(&offer, &running).is_some(), taken, "{offered}");
        }
    }
}
