//! Which epochs an installation may hold, and which request of it is too old: how two machines with one key
//! are told from lost answers. Pure; `api/agent/sync` asks.

/// How much older than the last one a request may be signed: clocks are set while agents run.
const OVERTAKEN_SECONDS: i64 = 5;

/// An epoch is a count of answers and, in its low bits, chance: two machines that got different
/// answers to the same epoch hold different ones from then on.
pub const CHANCE: i64 = 1 << 20;

/// The epochs that an installation may hold after this answer: the answer's own, and the one it came
/// with. None where a second machine uses the key.
///
/// Who holds the epoch before never got the last answer, and gets another one in its place; whoever
/// did get it holds an epoch then that is none any more. `chance` is below [`CHANCE`].
#[must_use]
pub const fn next(current: i64, before: i64, held: i64, chance: i64) -> Option<(i64, i64)> {
    let count = current / CHANCE;
    if held == current {
        Some(((count + 1) * CHANCE + chance, held))
    } else if held == before {
        Some((count * CHANCE + chance, held))
    } else if held / CHANCE > count {
        // This server was restored from before it gave that answer.
        Some(((held / CHANCE + 1) * CHANCE + chance, held))
    } else {
        None
    }
}

/// Whether a request was on its way for long, so that others of the same installation overtook it. Both
/// times are those of signatures, in seconds.
///
/// With another epoch than the current one, it has to be younger than the last one: a request that was cut
/// off and arrives after its own repetition would look like a second machine, at once or at the next sync.
/// Whoever never got the last answer asks again, and is younger then.
#[must_use]
pub const fn overtaken(current: i64, signed_at: i64, held: i64, created: i64) -> bool {
    if held == current { created + OVERTAKEN_SECONDS < signed_at } else { created <= signed_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_lost_in_a_row_make_no_second_machine() {
        let (mut current, before) = next(0, 0, 0, 7).expect("the first one");
        for chance in 8..12 {
            (current, _) = next(current, before, before, chance).expect("a lost answer is no second machine");
        }
        assert!(next(current, before, current, 1).is_some(), "the one that came counts");
    }

    #[test]
    fn a_request_that_comes_after_its_own_repetition_is_too_old() {
        assert!(overtaken(2 * CHANCE, 100, CHANCE, 99), "it was cut off, and sent again a second later");
        assert!(overtaken(2 * CHANCE, 100, CHANCE, 100), "or within the same second");
        assert!(!overtaken(2 * CHANCE, 100, CHANCE, 101), "the answer was lost");
        assert!(!overtaken(2 * CHANCE, 100, 2 * CHANCE, 97), "a clock was set");
    }

    #[test]
    fn two_machines_that_take_turns_are_found_out() {
        let (one, before) = next(5 * CHANCE, 4 * CHANCE, 5 * CHANCE, 7).expect("the first machine");
        let (other, before) = next(one, before, 5 * CHANCE, 8).expect("the second one looks like a lost answer");
        assert_eq!(next(other, before, one, 9), None, "the first one comes back");
        assert_eq!(next(other, before, 3 * CHANCE, 9), None, "an epoch that was left behind");
    }

    #[test]
    fn a_server_restored_from_a_backup_shuts_nobody_out() {
        assert_eq!(next(7 * CHANCE, 6 * CHANCE, 9 * CHANCE + 5, 3), Some((10 * CHANCE + 3, 9 * CHANCE + 5)));
    }
}
