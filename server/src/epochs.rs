//! Which epochs an installation may hold, and which request of it is too old: how two machines with one key
//! are told from lost answers. Pure; `api/agent/sync` asks.

use deskbell_protocol::limits::CLOCK_WINDOW_SECONDS;

/// How much older than the last one a request may be signed: clocks are set while agents run.
const OVERTAKEN_SECONDS: i64 = 5;

/// An epoch is a count of answers and, in its low bits, chance: two machines that got different
/// answers to the same epoch hold different ones from then on.
pub const CHANCE: i64 = 1 << 20;

/// No count comes near it in the life of a device: whoever holds a higher one made it up.
const FURTHEST: i64 = 1 << 62;

/// Every epoch that is held is ahead of it: the next sync's is taken for the current one, whatever it is.
pub const ANY: i64 = -CHANCE;

/// The epochs that an installation may hold after this answer: the answer's own, and the one it came
/// with. None where a second machine uses the key.
///
/// Who holds the epoch before never got the last answer, and gets another one; whoever did get it holds an
/// epoch then that is none any more. Each answer counts, a lost one too: so every epoch that was given after
/// a backup is ahead of it. `chance` is below [`CHANCE`].
#[must_use]
pub const fn next(current: i64, before: i64, held: i64, chance: i64) -> Option<(i64, i64)> {
    let count = current / CHANCE;
    if held == current || held == before {
        Some(((count + 1) * CHANCE + chance, held))
    } else if held / CHANCE > count && held < FURTHEST {
        // This server was restored from before it gave that answer.
        Some(((held / CHANCE + 1) * CHANCE + chance, held))
    } else {
        None
    }
}

/// When the last request was signed, as far as that can be true, both in seconds: nothing is let in that lies
/// further ahead than the window. What does was let in before this server's clock was set back, and would keep
/// its installation out until the clock is there again.
#[must_use]
pub const fn last_signed(signed_at: i64, now: i64) -> i64 {
    if signed_at > now + CLOCK_WINDOW_SECONDS { 0 } else { signed_at }
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

/// Whether an introduction begins the count anew. One that was signed before the last request was on its way
/// for long: whoever sent it has gone on since, and what they hold would be worth nothing.
#[must_use]
pub const fn begins_anew(signed_at: i64, created: i64) -> bool {
    created >= signed_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_introduction_that_comes_late_begins_nothing() {
        assert!(begins_anew(0, 15), "the first one");
        assert!(begins_anew(34, 40), "it has lost what it knew");
        assert!(!begins_anew(34, 15), "it was sent again by something on the way");
    }

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
    fn a_server_whose_clock_was_set_back_shuts_nobody_out() {
        let (day, now) = (24 * 60 * 60, 1_800_000_000);
        assert!(!overtaken(2 * CHANCE, last_signed(now + day, now), 2 * CHANCE, now));
        assert!(begins_anew(last_signed(now + day, now), now));
        assert!(overtaken(2 * CHANCE, last_signed(now, now), 2 * CHANCE, now - 60), "and a late one is too old still");
    }

    #[test]
    fn two_machines_that_take_turns_are_found_out() {
        let (one, before) = next(5 * CHANCE, 4 * CHANCE, 5 * CHANCE, 7).expect("the first machine");
        let (other, before) = next(one, before, 5 * CHANCE, 8).expect("the second one looks like a lost answer");
        assert_eq!(next(other, before, one, 9), None, "the first one comes back");
        assert_eq!(next(other, before, 3 * CHANCE, 9), None, "an epoch that was left behind");
        assert_eq!(next(other, before, i64::MAX, 9), None, "an epoch that nobody was given");
    }

    #[test]
    fn whoever_is_taken_back_goes_on_with_the_epoch_they_hold() {
        assert_eq!(next(ANY, ANY, 0, 3), Some((CHANCE + 3, 0)));
        assert_eq!(next(ANY, ANY, 4 * CHANCE + 9, 3), Some((5 * CHANCE + 3, 4 * CHANCE + 9)));
        assert!(overtaken(ANY, 100, 0, 99), "and what was sent before is too old still");
    }

    #[test]
    fn a_server_restored_from_a_backup_shuts_nobody_out() {
        assert_eq!(next(7 * CHANCE, 6 * CHANCE, 9 * CHANCE + 5, 3), Some((10 * CHANCE + 3, 9 * CHANCE + 5)));
        // The backup was made when an answer had just been lost, and the next one came.
        let (lost, before) = next(7 * CHANCE, 6 * CHANCE, 7 * CHANCE, 1).expect("an answer that is lost");
        let (held, _) = next(lost, before, 7 * CHANCE, 2).expect("an answer that comes");
        assert!(next(lost, before, held, 3).is_some(), "whoever holds it is ahead of the backup");
    }
}
