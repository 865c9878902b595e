//! What `deskbell doctor` finds: everything between a person's key press and a ticket at the server, looked
//! at once, in the order in which it is needed. It changes nothing, and an agent may run beside it.

use std::collections::BTreeMap;

use serde::Serialize;

mod codes;
mod device;
mod disk;
mod network;
mod probe;
mod queue;
mod server;

pub use codes::Code;
pub use probe::{Subject, examine};

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    Agent,
    Configuration,
    Name,
    Route,
    Proxy,
    Tls,
    Server,
    Clock,
    Signature,
    Enablement,
    Confirmation,
    Tray,
    Hotkey,
    KeyStore,
    Disk,
    Queue,
    WebView,
}

impl Check {
    pub const ALL: &[Self] = &[
        Self::Agent,
        Self::Configuration,
        Self::Name,
        Self::Route,
        Self::Proxy,
        Self::Tls,
        Self::Server,
        Self::Clock,
        Self::Signature,
        Self::Enablement,
        Self::Confirmation,
        Self::Tray,
        Self::Hotkey,
        Self::KeyStore,
        Self::Disk,
        Self::Queue,
        Self::WebView,
    ];

    /// Its name in texts and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Configuration => "configuration",
            Self::Name => "name",
            Self::Route => "route",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Server => "server",
            Self::Clock => "clock",
            Self::Signature => "signature",
            Self::Enablement => "enablement",
            Self::Confirmation => "confirmation",
            Self::Tray => "tray",
            Self::Hotkey => "hotkey",
            Self::KeyStore => "key_store",
            Self::Disk => "disk",
            Self::Queue => "queue",
            Self::WebView => "web_view",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// Tickets do not get through, or could get lost.
    Failed,
    /// Something before it failed, or there is nothing to look at.
    NotChecked,
}

/// One line of the report. Its texts are `doctor.<code>`, and `doctor.<code>.advice` where there is
/// something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: Check,
    pub verdict: Verdict,
    pub code: Code,
    /// What the texts name. Never a secret.
    pub values: BTreeMap<&'static str, String>,
}

impl Finding {
    #[must_use]
    pub fn new(check: Check, code: Code) -> Self {
        Self { check, verdict: code.verdict(), code, values: BTreeMap::new() }
    }

    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.insert(name, value.to_string());
        self
    }
}

/// Whether the program that looked ends with success: nothing failed.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.verdict != Verdict::Failed)
}
