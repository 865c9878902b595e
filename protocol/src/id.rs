//! Identifiers. Each is a UUID in its hyphenated lower-case form, and none can be taken for another.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, ts_rs::TS)]
#[ts(export)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(pub uuid::Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// The server, once for its life; agents check it before they sign anything.
    ServerId,
    ClientId,
    SiteId,
    DeviceId,
    /// One OS user's agent on a device.
    InstallationId,
    RequesterId,
    TechnicianId,
    EnrolmentKeyId,
    /// Made by whoever wrote the ticket. It names the ticket; it does not order it.
    TicketId,
    /// Made by whoever wrote the message.
    MessageId,
    AttachmentId,
}
