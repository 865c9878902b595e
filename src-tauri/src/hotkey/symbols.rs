//! What an X server calls the keys: `keysymdef.h` and `XF86keysym.h` of xorgproto.

use global_hotkey::hotkey::Code;

/// The keys that have a name there; those of a row follow one another.
const NAMED: &[(Code, u32)] = &[
    (Code::Backslash, 0x5c),
    (Code::BracketLeft, 0x5b),
    (Code::BracketRight, 0x5d),
    (Code::Backquote, 0x60),
    (Code::Comma, 0x2c),
    (Code::Equal, 0x3d),
    (Code::Minus, 0x2d),
    (Code::Period, 0x2e),
    (Code::Quote, 0x27),
    (Code::Semicolon, 0x3b),
    (Code::Slash, 0x2f),
    (Code::Space, 0x20),
    (Code::Backspace, 0xff08),
    (Code::Tab, 0xff09),
    (Code::Enter, 0xff0d),
    (Code::Pause, 0xff13),
    (Code::ScrollLock, 0xff14),
    (Code::Escape, 0xff1b),
    (Code::Home, 0xff50),
    (Code::ArrowLeft, 0xff51),
    (Code::ArrowUp, 0xff52),
    (Code::ArrowRight, 0xff53),
    (Code::ArrowDown, 0xff54),
    (Code::PageUp, 0xff55),
    (Code::PageDown, 0xff56),
    (Code::End, 0xff57),
    (Code::PrintScreen, 0xff61),
    (Code::Insert, 0xff63),
    (Code::NumLock, 0xff7f),
    (Code::NumpadMultiply, 0xffaa),
    (Code::NumpadAdd, 0xffab),
    (Code::NumpadSubtract, 0xffad),
    (Code::NumpadDecimal, 0xffae),
    (Code::NumpadDivide, 0xffaf),
    (Code::CapsLock, 0xffe5),
    (Code::Delete, 0xffff),
    (Code::AudioVolumeDown, 0x1008_ff11),
    (Code::AudioVolumeMute, 0x1008_ff12),
    (Code::AudioVolumeUp, 0x1008_ff13),
    (Code::MediaPlay, 0x1008_ff14),
    (Code::MediaStop, 0x1008_ff15),
    (Code::MediaTrackPrevious, 0x1008_ff16),
    (Code::MediaTrackNext, 0x1008_ff17),
    (Code::MediaPause, 0x1008_ff31),
];

const F1: u32 = 0xffbe;
const NUMPAD_0: u32 = 0xffb0;

/// Nothing for a key that X knows by no name.
pub(super) fn of(key: Code) -> Option<u32> {
    let name = key.to_string();
    let number = |row: &str| name.strip_prefix(row).and_then(|rest| rest.parse::<u32>().ok());
    let letter = || name.strip_prefix("Key").and_then(|rest| rest.chars().next()).map(u32::from);
    let digit = || number("Digit").map(|digit| u32::from('0') + digit);
    let function = || number("F").filter(|place| (1..=24).contains(place)).map(|place| F1 + place - 1);
    let numpad = || number("Numpad").map(|digit| NUMPAD_0 + digit);
    let named = || NAMED.iter().find(|(code, _)| *code == key).map(|(_, symbol)| *symbol);
    letter().or_else(digit).or_else(function).or_else(numpad).or_else(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_symbols_of_keysymdef() {
        for (key, symbol) in [
            (Code::F12, 0xffc9),
            (Code::F1, 0xffbe),
            (Code::F24, 0xffd5),
            (Code::KeyH, 0x48),
            (Code::Digit7, 0x37),
            (Code::Numpad9, 0xffb9),
            (Code::NumpadAdd, 0xffab),
            (Code::Space, 0x20),
        ] {
            assert_eq!(of(key), Some(symbol), "{key}");
        }
        assert_eq!(of(Code::Fn), None, "no name in X begins there");
    }
}
