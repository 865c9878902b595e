//! THE list of the agent's settings. The reference page, the Windows policy templates and the macOS
//! profile are made from it; a new setting is a row here, a field of [`Config`] and its texts
//! `setting.<name>` and `setting.<name>.text` in `ui/locales`.

use deskbell_protocol::{
    settings::{LANGUAGES, SWITCH, Sendable, THEMES, UPDATE_RINGS},
    ticket::Language,
    update::{UpdateRing, key_id_of},
};
use url::Url;

use super::{
    config::{Config, EnrolmentKey, Proxy},
    fault::Reason,
};
use crate::view::Theme;

pub(super) const DEFAULT_HOTKEY: &str = "Ctrl+F12";

/// What stands in the place of a secret.
pub const HIDDEN: &str = "•••";

/// One setting.
#[derive(Debug)]
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    /// Absent: not set, which `setting.<name>.text` explains.
    pub default: Option<&'static str>,
    /// For the documentation.
    pub example: &'static str,
    /// Never shown and never logged.
    pub secret: bool,
    /// The person picks it in *Personal settings*.
    pub choice: bool,
    /// Takes a value over, or says why it is none.
    pub(super) set: fn(&mut Config, &str) -> Result<(), Reason>,
}

/// What values a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// `http://…` or `https://…`
    Address,
    Path,
    /// `system`, `none` or an address.
    Proxy,
    /// `on` or `off`; `true`, `false`, 1 and 0 mean the same.
    Switch,
    OneOf(&'static [&'static str]),
}

/// All of them, the most important first.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "server_url",
        example: "https://help.example.org",
        kind: Kind::Address,
        set: |config, text| address(text).map(|url| config.server_url = Some(url)),
        ..BLANK
    },
    Setting {
        name: "enrolment_key",
        example: "DB-0123-4567-89AB-CDEF-GHJZ",
        secret: true,
        set: |config, text| {
            config.enrolment_key = Some(EnrolmentKey(text.to_owned()));
            Ok(())
        },
        ..BLANK
    },
    Setting {
        name: "hotkey",
        example: "Ctrl+Alt+H",
        default: Some(DEFAULT_HOTKEY),
        set: |config, text| {
            text.clone_into(&mut config.hotkey);
            Ok(())
        },
        ..BLANK
    },
    Setting {
        name: "language",
        example: "fr",
        kind: Kind::OneOf(LANGUAGES),
        choice: true,
        set: |config, text| {
            let found = word(text, LANGUAGES, Language::ALL, Language::as_str);
            found.map(|language| config.language = Some(language))
        },
        ..BLANK
    },
    Setting {
        name: "theme",
        example: "dark",
        kind: Kind::OneOf(THEMES),
        default: Some("system"),
        choice: true,
        set: |config, text| {
            let found = word(text, THEMES, &[Theme::System, Theme::Light, Theme::Dark], Theme::as_str);
            found.map(|theme| config.theme = theme)
        },
        ..BLANK
    },
    Setting {
        name: "ca_file",
        example: "/etc/ssl/our-authority.pem",
        kind: Kind::Path,
        set: |config, text| {
            config.ca_file = Some(text.into());
            Ok(())
        },
        ..BLANK
    },
    Setting {
        name: "proxy",
        example: "http://proxy.internal:3128",
        kind: Kind::Proxy,
        default: Some("system"),
        set: |config, text| proxy(text).map(|proxy| config.proxy = proxy),
        ..BLANK
    },
    Setting {
        name: "autostart",
        example: "off",
        kind: Kind::Switch,
        default: Some("on"),
        set: |config, text| switch(text).map(|on| config.autostart = on),
        ..BLANK
    },
    Setting {
        name: "updates",
        example: "off",
        kind: Kind::Switch,
        default: Some("on"),
        set: |config, text| switch(text).map(|on| config.updates = on),
        ..BLANK
    },
    Setting {
        name: "update_ring",
        example: "early",
        kind: Kind::OneOf(UPDATE_RINGS),
        default: Some("stable"),
        set: |config, text| {
            let found = word(text, UPDATE_RINGS, &[UpdateRing::Stable, UpdateRing::Early], UpdateRing::as_str);
            found.map(|ring| config.update_ring = ring)
        },
        ..BLANK
    },
    Setting {
        name: "update_keys",
        example: "RWTOyLnht9wdtKIkKPJnCytMZxbT0bsbEDPl55fp1nhTMmZKUBwlYLx+",
        set: |config, text| update_keys(text).map(|keys| config.update_keys = Some(keys)),
        ..BLANK
    },
];

const BLANK: Setting = Setting {
    name: "",
    kind: Kind::Text,
    default: None,
    example: "",
    secret: false,
    choice: false,
    set: |_, _| Ok(()),
};

impl Setting {
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// The helpdesk's server may send it.
    #[must_use]
    pub fn by_server(&self) -> bool {
        Sendable::of(self.name).is_some()
    }

    /// Why a value cannot be used; nothing where it can.
    ///
    /// # Errors
    /// What is wrong with it, without the value: it may be a secret.
    pub fn check(&self, value: &str) -> Result<(), Reason> {
        (self.set)(&mut Config::default(), value)
    }

    /// A value as people may see it.
    #[must_use]
    pub fn shown(&self, value: &str) -> String {
        match self.kind {
            _ if self.secret => HIDDEN.to_owned(),
            Kind::Switch => switch(value).map_or_else(|_| value.to_owned(), |on| on_off(on).to_owned()),
            Kind::Proxy => match Url::parse(value) {
                Ok(url) if url.password().is_some() => without_password(&url),
                _ => value.to_owned(),
            },
            _ => value.to_owned(),
        }
    }
}

pub(super) fn without_password(url: &Url) -> String {
    match url.password() {
        // The text between the name and the host: everything else stays as it was written.
        Some(password) => url.as_str().replacen(&format!(":{password}@"), &format!(":{HIDDEN}@"), 1),
        None => url.to_string(),
    }
}

const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// `name` is what each value is called in settings.
fn word<T: Copy>(
    text: &str,
    words: &'static [&'static str],
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, Reason> {
    all.iter().copied().find(|value| name(*value).eq_ignore_ascii_case(text)).ok_or(Reason::OneOf(words))
}

fn switch(text: &str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(Reason::OneOf(SWITCH)),
    }
}

fn address(text: &str) -> Result<Url, Reason> {
    let url = Url::parse(text).map_err(|_| Reason::Address)?;
    let nobody = url.username().is_empty() && url.password().is_none();
    let plain = matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
    if plain && nobody { Ok(url) } else { Err(Reason::Address) }
}

fn update_keys(text: &str) -> Result<String, Reason> {
    let all = text.split_whitespace().all(|key| key_id_of(key).is_some());
    if all { Ok(text.to_owned()) } else { Err(Reason::UpdateKeys) }
}

fn proxy(text: &str) -> Result<Proxy, Reason> {
    match text {
        "system" => Ok(Proxy::System),
        "none" => Ok(Proxy::None),
        _ => match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(Proxy::Explicit(url)),
            _ => Err(Reason::Proxy),
        },
    }
}
