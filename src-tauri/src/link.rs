//! `deskbell://` links: what a page on the intranet may ask of the agent. Anybody can write one, so it
//! opens a window and carries nothing.

use crate::actions::Action;

/// What a link opens. Browsers spell `deskbell://new` with a slash at the end, and the scheme in small letters.
pub(crate) fn action(link: &str) -> Option<Action> {
    let (scheme, rest) = link.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("deskbell") {
        return None;
    }
    match rest.strip_suffix('/').unwrap_or(rest) {
        "new" => Some(Action::NewTicket),
        "tickets" => Some(Action::Tickets),
        "settings" => Some(Action::Settings),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_links_open_three_windows() {
        assert_eq!(action("deskbell://new"), Some(Action::NewTicket));
        assert_eq!(action("deskbell://tickets/"), Some(Action::Tickets));
        assert_eq!(action("DESKBELL://settings"), Some(Action::Settings));
    }

    #[test]
    fn every_other_link_is_refused() {
        for link in [
            "",
            "deskbell:",
            "deskbell:new",
            "deskbell://",
            "deskbell:///",
            "deskbell://quit",
            "deskbell://new//",
            "deskbell://new/../quit",
            "deskbell://new?text=hello",
            "deskbell://new#x",
            "deskbell://new extra",
            "deskbell://NEW",
            "deskbell://user@new",
            "https://new",
            "file:///etc/passwd",
            "--help",
            "deskbell://new\" --config=x",
        ] {
            assert_eq!(action(link), None, "{link:?}");
        }
    }
}
