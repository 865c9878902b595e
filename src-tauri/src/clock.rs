//! The one place where this program reads the clock and draws randomness.

use deskbell_protocol::Millis;

#[expect(clippy::disallowed_methods, reason = "the edge of the program reads the time, here and nowhere else")]
pub(crate) fn now() -> Millis {
    jiff::Timestamp::now().as_millisecond()
}
