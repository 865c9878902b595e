//! A device and its installations: how they introduce themselves, and what the server tells them.

use serde::{Deserialize, Serialize};

use crate::{
    Millis,
    id::{DeviceId, InstallationId, RequesterId, ServerId},
    settings::SentSetting,
    ticket::{Language, word},
};

word! {
    /// Whether the server knows this installation.
    Registration {
        Unapproved = "unapproved",
        Accepted = "accepted",
        /// Its key was seen at two machines; both enrol again.
        Quarantined = "quarantined",
        Revoked = "revoked",
    }
}

word! {
    /// Whether the new-ticket hotkey works on this device.
    HotkeyState {
        Registered = "registered",
        /// Another program holds it.
        Taken = "taken",
        /// This desktop offers no global hotkeys (Wayland).
        Unsupported = "unsupported",
        /// Switched off by policy, or the agent is not enabled.
        Off = "off",
    }
}

/// `GET /api/agent/v1/hello`, unsigned: which server this is, and what time it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hello {
    pub server_id: ServerId,
    #[ts(type = "number")]
    pub server_time: Millis,
    pub version: String,
    /// The oldest and the newest [`crate::PROTOCOL_VERSION`] that this server understands.
    pub protocol_min: u32,
    pub protocol_max: u32,
}

/// What an installation says of its computer. Each is what the system reports, or absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeviceFacts {
    /// The host name.
    pub name: String,
    /// For people, for example `Windows 11 Pro 23H2`.
    pub os: String,
    /// `windows`, `macos` or `linux`.
    pub platform: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    /// The signed-in OS user.
    pub os_user: String,
    pub ip: Option<String>,
}

/// `POST /api/agent/v1/enrol`: a new installation introduces itself. The request is signed with
/// the key it introduces, so that nobody can enrol a key that they do not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrol {
    pub enrolment_key: String,
    /// `ed25519`.
    pub algorithm: String,
    /// The 32 bytes of the public key, base64url without padding: also the `keyid` of every signature.
    pub public_key: String,
    /// SHA-256 (hexadecimal) over the enrolment key's client-independent machine identifier; the
    /// server salts it per client. It groups installations of one computer and authorises nothing.
    pub machine_hint: String,
    pub facts: DeviceFacts,
    pub agent_version: String,
    pub language: Language,
}

/// The answer to [`Enrol`]. Enrolling the same key again gets the same answer and uses nothing up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    pub server_id: ServerId,
    pub device_id: DeviceId,
    pub installation_id: InstallationId,
    pub state: AgentState,
}

/// What the server has decided about an installation; part of every sync's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentState {
    pub registration: Registration,
    /// The nearest decision of organization ← client ← site ← device.
    pub enabled: bool,
    /// Grows with every change of this state; the agent sends back the one it has applied, and the
    /// console shows *waiting* until then.
    #[ts(type = "number")]
    pub revision: i64,
    /// The organization that runs the server, as people know it.
    pub organization: String,
    pub client: String,
    /// Domains that a confirmed address may have; empty where any may be proposed.
    pub domains: Vec<String>,
    pub confirmation: Option<Confirmation>,
    /// What the agent is told to do, unless its computer's own administrator says otherwise.
    #[serde(default)]
    pub settings: Vec<SentSetting>,
}

impl AgentState {
    /// Usable = accepted AND enabled.
    #[must_use]
    pub fn usable(&self) -> bool {
        self.registration == Registration::Accepted && self.enabled
    }
}

/// The person confirmed at an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Confirmation {
    pub requester_id: RequesterId,
    pub name: String,
    pub email: String,
    #[ts(type = "number")]
    pub confirmed_at: Millis,
    /// A technician vouched for the person; no token was typed.
    pub vouched: bool,
}

/// `POST /api/agent/v1/confirmation/token`: send a token to this address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskToken {
    pub name: String,
    pub email: String,
    pub language: Language,
}

/// The answer to [`AskToken`]: the same whether or not the address is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenSent {
    #[ts(type = "number")]
    pub expires_at: Millis,
    pub tries_left: u32,
}

/// `POST /api/agent/v1/confirmation`: the token, as typed. Answered with [`Confirmation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Confirm {
    pub token: String,
}

/// The device's state when a ticket was written. Every fact can be removed by the person; an
/// absent fact was removed or is not known on this system.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<SpaceFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<SpaceFact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<BatteryFact>,
    /// The signed-in OS user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Seconds since the system started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(type = "number | null")]
    pub uptime: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NetworkFact {
    pub ip: String,
    /// The name of the interface, as the system has it.
    pub interface: String,
}

/// Free and total space in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpaceFact {
    #[ts(type = "number")]
    pub free: u64,
    #[ts(type = "number")]
    pub total: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatteryFact {
    /// 0 to 100.
    pub percent: u8,
    pub charging: bool,
}
