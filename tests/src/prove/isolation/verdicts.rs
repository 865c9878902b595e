//! THE table of who may do what: a route that is not in it fails the proof, and so does an answer that
//! differs from it. What is foreign answers as what is missing does, byte for byte, everywhere.

/// What a request has to be, as the extractors in `server/src/auth` decide it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nobody is asked.
    Open,
    /// A signature of the key that introduces itself.
    Enrol,
    /// An accepted installation.
    Device,
    /// … at which the agent is enabled.
    Enabled,
    /// … and at which a person is confirmed.
    Confirmed,
    /// A page that an enabled installation opened.
    Page,
    /// Somebody who is signed in.
    Technician,
    Worker,
    Admin,
}

/// What the `{id}` of a route, or of its body, names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Nothing,
    Ticket,
    File,
    /// The author of a ticket.
    Author,
    Client,
    Device,
    Installation,
    Key,
    Person,
    Mail,
}

/// Who asks. Everybody but `Nobody` shows a key, a cookie, or what was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Nobody,
    // Devices of one client, by their keys.
    Unknown,
    Pending,
    Quarantined,
    Revoked,
    /// Accepted, and the agent is not enabled.
    Off,
    /// Enabled, and nobody is confirmed.
    On,
    /// Sam, confirmed.
    Sam,
    /// Kim, confirmed at another account of Sam's computer.
    Kim,
    // Requests of Sam's with something wrong about them.
    AlteredBody,
    AlteredPath,
    OtherKey,
    StaleTime,
    NoDigest,
    OtherServer,
    // Pages.
    PageOn,
    PageSam,
    PageKim,
    PageEnded,
    PageOff,
    PageNoProof,
    // Technicians.
    ReadOnly,
    Worker,
    Admin,
    Owner,
    Disabled,
    Expired,
    NoProof,
}

/// Devices: what each gate answers; `yes` lets in.
#[rustfmt::skip]
pub(super) const DEVICES: &[(Who, [&str; 4])] = &[
    //                 enrol                        device                     enabled                    confirmed
    (Who::Unknown,     ["403 enrolment_key_unknown", "401 device_unknown",     "401 device_unknown",     "401 device_unknown"]),
    (Who::Pending,     ["403 device_unapproved",    "403 device_unapproved",   "403 device_unapproved",   "403 device_unapproved"]),
    (Who::Quarantined, ["403 device_quarantined",   "403 device_quarantined",  "403 device_quarantined",  "403 device_quarantined"]),
    (Who::Revoked,     ["403 device_revoked",       "403 device_revoked",      "403 device_revoked",      "403 device_revoked"]),
    (Who::Off,         ["yes",                      "yes",                     "403 not_enabled",         "403 not_enabled"]),
    (Who::On,          ["yes",                      "yes",                     "yes",                     "403 not_confirmed"]),
    (Who::Sam,         ["yes",                      "yes",                     "yes",                     "yes"]),
    (Who::Kim,         ["yes",                      "yes",                     "yes",                     "yes"]),
    (Who::AlteredBody, ["401 signature_invalid",    "401 signature_invalid",   "401 signature_invalid",   "401 signature_invalid"]),
    (Who::AlteredPath, ["401 signature_invalid",    "401 signature_invalid",   "401 signature_invalid",   "401 signature_invalid"]),
    (Who::OtherKey,    ["401 signature_invalid",    "401 signature_invalid",   "401 signature_invalid",   "401 signature_invalid"]),
    (Who::NoDigest,    ["401 signature_invalid",    "401 signature_invalid",   "401 signature_invalid",   "401 signature_invalid"]),
    (Who::StaleTime,   ["401 clock_skew",           "401 clock_skew",          "401 clock_skew",          "401 clock_skew"]),
    (Who::OtherServer, ["401 wrong_server",         "401 wrong_server",        "401 wrong_server",        "401 wrong_server"]),
];

/// Pages: what is read, and what is changed.
#[rustfmt::skip]
pub(super) const PAGES: &[(Who, [&str; 2])] = &[
    //                 reads                changes
    (Who::PageOn,      ["yes",              "yes"]),
    (Who::PageSam,     ["yes",              "yes"]),
    (Who::PageKim,     ["yes",              "yes"]),
    (Who::PageEnded,   ["401 not_signed_in", "401 not_signed_in"]),
    (Who::PageOff,     ["403 not_enabled",  "403 not_enabled"]),
    (Who::PageNoProof, ["yes",              "403 csrf_missing"]),
];

/// Technicians: anybody who reads, anybody who changes, who works tickets, who manages.
#[rustfmt::skip]
pub(super) const TECHNICIANS: &[(Who, [&str; 4])] = &[
    //                 reads                changes              works                manages
    (Who::ReadOnly,    ["yes",              "yes",               "403 not_allowed",   "403 not_allowed"]),
    (Who::Worker,      ["yes",              "yes",               "yes",               "403 not_allowed"]),
    (Who::Admin,       ["yes",              "yes",               "yes",               "yes"]),
    (Who::Owner,       ["yes",              "yes",               "yes",               "yes"]),
    (Who::Disabled,    ["401 not_signed_in", "401 not_signed_in", "401 not_signed_in", "401 not_signed_in"]),
    (Who::Expired,     ["401 not_signed_in", "401 not_signed_in", "401 not_signed_in", "401 not_signed_in"]),
    (Who::NoProof,     ["yes",              "403 csrf_missing",  "403 csrf_missing",  "403 csrf_missing"]),
];

/// What nobody and everybody of another kind is told.
pub(super) const fn stranger(gate: Gate) -> &'static str {
    match gate {
        Gate::Open => "yes",
        Gate::Enrol | Gate::Device | Gate::Enabled | Gate::Confirmed => "401 signature_missing",
        Gate::Page | Gate::Technician | Gate::Worker | Gate::Admin => "401 not_signed_in",
    }
}

/// What this gate says to this principal, for a request that reads or changes.
pub(super) fn verdict(gate: Gate, who: Who, reads: bool) -> &'static str {
    let column = |row: Option<&[&'static str]>, at: usize| row.map(|columns| columns[at]);
    let device = || DEVICES.iter().find(|row| row.0 == who).map(|row| &row.1[..]);
    let page = || PAGES.iter().find(|row| row.0 == who).map(|row| &row.1[..]);
    let technician = || TECHNICIANS.iter().find(|row| row.0 == who).map(|row| &row.1[..]);
    let said = match gate {
        Gate::Open => None,
        Gate::Enrol => column(device(), 0),
        Gate::Device => column(device(), 1),
        Gate::Enabled => column(device(), 2),
        Gate::Confirmed => column(device(), 3),
        Gate::Page => column(page(), usize::from(!reads)),
        Gate::Technician => column(technician(), usize::from(!reads)),
        Gate::Worker => column(technician(), if reads { 0 } else { 2 }),
        // Few things are read by administrators only: no proof is asked for them.
        Gate::Admin if reads && who == Who::NoProof => Some("yes"),
        Gate::Admin => column(technician(), 3),
    };
    said.unwrap_or_else(|| stranger(gate))
}

/// Everybody.
pub(super) fn everybody() -> Vec<Who> {
    let devices = DEVICES.iter().map(|row| row.0);
    let pages = PAGES.iter().map(|row| row.0);
    std::iter::once(Who::Nobody).chain(devices).chain(pages).chain(TECHNICIANS.iter().map(|row| row.0)).collect()
}
