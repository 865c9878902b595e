//! Everything that a check can find, and how bad it is.

use serde::Serialize;

use super::Verdict::{self, Failed, NotChecked, Ok, Warning};

macro_rules! codes {
    ($($verdict:ident { $($name:ident = $word:literal),* $(,)? })*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        pub enum Code {
            $($(#[serde(rename = $word)] $name,)*)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$($(Self::$name,)*)*];

            /// Its name in texts and in JSON.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $($(Self::$name => $word,)*)*
                }
            }

            #[must_use]
            pub const fn verdict(self) -> Verdict {
                match self {
                    $($(Self::$name)|* => $verdict,)*
                }
            }
        }
    };
}

codes! {
    Ok {
        AgentRuns = "agent_runs",
        Configured = "configured",
        NameFound = "name_found",
        NameIsAddress = "name_is_address",
        RouteOpen = "route_open",
        ProxyUnused = "proxy_unused",
        ProxyPasses = "proxy_passes",
        TlsTrusted = "tls_trusted",
        TlsLocal = "tls_local",
        ServerAnswers = "server_answers",
        ClockRight = "clock_right",
        SignatureAccepted = "signature_accepted",
        Enabled = "enabled",
        Confirmed = "confirmed",
        TrayThere = "tray_there",
        HotkeyHeld = "hotkey_held",
        HotkeyFree = "hotkey_free",
        HotkeyNone = "hotkey_none",
        KeyKept = "key_kept",
        DiskFine = "disk_fine",
        QueueFine = "queue_fine",
        WebViewThere = "web_view_there",
    }
    Warning {
        AgentEnded = "agent_ended",
        SettingRefused = "setting_refused",
        ProxyScript = "proxy_script",
        TlsNone = "tls_none",
        ClockOff = "clock_off",
        NotConfirmed = "not_confirmed",
        TrayMissing = "tray_missing",
        HotkeyTaken = "hotkey_taken",
        HotkeyUnsupported = "hotkey_unsupported",
        HotkeyUnreadable = "hotkey_unreadable",
        KeyInFile = "key_in_file",
        DiskLow = "disk_low",
        DiskForgets = "disk_forgets",
        QueueNeedsAttention = "queue_needs_attention",
        WebViewMissing = "web_view_missing",
    }
    Failed {
        ConfigurationRefused = "configuration_refused",
        NotConfigured = "not_configured",
        NameUnknown = "name_unknown",
        RouteRefused = "route_refused",
        RouteSilent = "route_silent",
        RouteFailed = "route_failed",
        ProxyNameUnknown = "proxy_name_unknown",
        ProxyUnreachable = "proxy_unreachable",
        ProxyAuthentication = "proxy_authentication",
        ProxyRefused = "proxy_refused",
        CertificateUntrusted = "certificate_untrusted",
        CertificateExpired = "certificate_expired",
        CertificateNotYet = "certificate_not_yet",
        CertificateWrongName = "certificate_wrong_name",
        TlsFailed = "tls_failed",
        SignInPage = "sign_in_page",
        ServerSilent = "server_silent",
        ServerUnavailable = "server_unavailable",
        ServerUnintelligible = "server_unintelligible",
        ServerChanged = "server_changed",
        ServerTooOld = "server_too_old",
        AgentTooOld = "agent_too_old",
        NotEnrolled = "not_enrolled",
        DeviceUnknown = "device_unknown",
        DeviceUnapproved = "device_unapproved",
        DeviceQuarantined = "device_quarantined",
        DeviceRevoked = "device_revoked",
        SignatureRefused = "signature_refused",
        NotEnabled = "not_enabled",
        KeyStoreRefused = "key_store_refused",
        KeyMissing = "key_missing",
        DiskFull = "disk_full",
        DiskReadOnly = "disk_read_only",
        DiskFailed = "disk_failed",
        QueueUnreadable = "queue_unreadable",
    }
    NotChecked {
        Skipped = "skipped",
        ThroughProxy = "through_proxy",
        NoDesktop = "no_desktop",
        KeyNotMade = "key_not_made",
        QueueNotMade = "queue_not_made",
        HotkeyAtRest = "hotkey_at_rest",
    }
}
