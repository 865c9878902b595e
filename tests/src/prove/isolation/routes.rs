//! Every route, with what it asks for and what it answers.

use super::verdicts::{Gate, Thing};

/// One request that a route takes. A route may have several.
pub(super) struct Case {
    /// Method and path, as `/openapi.json` names them.
    pub(super) route: &'static str,
    pub(super) gate: Gate,
    pub(super) thing: Thing,
    /// What follows the path, and the JSON body; `{id}` is the thing, `{new}` a fresh id, `{me}` the one who asks.
    pub(super) query: &'static str,
    pub(super) body: &'static str,
    /// The answer on one's own thing, as `status` or `status words in the body`.
    pub(super) own: &'static str,
    /// … and on a foreign or a missing one.
    pub(super) else_: &'static str,
    /// What is gone or done afterwards: only the first of those who may does it.
    pub(super) once: bool,
}

const fn case(route: &'static str, gate: Gate, own: &'static str) -> Case {
    Case { route, gate, thing: Thing::Nothing, query: "", body: "", own, else_: "404 not_found", once: false }
}

impl Case {
    const fn on(mut self, thing: Thing) -> Self {
        self.thing = thing;
        self
    }

    const fn asks(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    const fn says(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    const fn or(mut self, else_: &'static str) -> Self {
        self.else_ = else_;
        self
    }

    const fn once(mut self) -> Self {
        self.once = true;
        self
    }
}

/// What is served and not described.
pub(super) const UNDESCRIBED: &[(&str, &str)] = &[("/openapi.json", "200"), ("/api/{*rest}", "404 not_found")];

const SYNC: &str = r#""protocol": 1, "agent_version": "0.1.0", "language": "en", "facts": {"name": "Desk"},
    "hotkey": "registered", "epoch": {epoch}, "applied_revision": 0, "cursor": 0"#;
const TICKET: &str = r#""type": "incident", "subject": "Printer", "description": "", "affected": "me",
    "language": "en", "written_at": 1"#;

/// A sync is put together of parts, and so are tickets.
pub(super) fn body_of(case: &Case) -> String {
    case.body.replace("{sync}", SYNC).replace("{ticket}", TICKET)
}

use Gate::{Admin, Confirmed, Device, Enabled, Enrol, Open, Page, Technician, Worker};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    case("GET /healthz", Open, "200"),
    case("GET /readyz", Open, "200"),
    case("GET /api/setup", Open, "404 not_found"),
    case("POST /api/setup", Open, "404 not_found").says(r#"{"code": "{code}", "organization": "Other", "name": "Eve",
        "email": "eve@other.example", "password": "correct horse battery", "language": "en"}"#),

    case("GET /api/agent/v1/hello", Open, "200"),
    case("POST /api/agent/v1/enrol", Enrol, "200").says(r#"{"enrolment_key": "DB-0000-0000-0000-0000-0000", "algorithm": "ed25519",
        "public_key": "{key}", "machine_hint": "00", "facts": {"name": "Desk"}, "agent_version": "0.1.0", "language": "en"}"#),
    case("GET /api/agent/v1/state", Device, "200 registration"),
    case("GET /api/agent/v1/live", Device, "200"),
    case("POST /api/agent/v1/sync", Device, "200 receipts").says(r#"{{sync}, "items": []}"#),
    case("POST /api/agent/v1/sync", Device, "200 \"accepted\"").on(Thing::Ticket).or("200 receipts")
        .says(r#"{{sync}, "items": [{"kind": "reply", "id": "{new}", "author": "{me}", "ticket": "{id}", "sequence": 1, "text": "More", "written_at": 1}]}"#),
    case("POST /api/agent/v1/sync", Device, "200 \"accepted\"").on(Thing::Ticket).or("200 receipts")
        .says(r#"{{sync}, "items": [{"kind": "status", "id": "{new}", "author": "{me}", "ticket": "{id}", "sequence": 2, "status": "resolved", "written_at": 1}]}"#),
    case("POST /api/agent/v1/sync", Device, "200 \"accepted\"").on(Thing::Author).or("200 receipts")
        .says(r#"{{sync}, "items": [{"kind": "ticket", "id": "{new}", "author": "{id}", {ticket}}]}"#),
    case("GET /api/agent/v1/tickets/{id}", Confirmed, "200 \"messages\"").on(Thing::Ticket),
    case("GET /api/agent/v1/attachments/{id}", Enabled, "200 \"complete\":true").on(Thing::File),
    case("PUT /api/agent/v1/attachments/{id}", Enabled, "200 \"complete\":true").on(Thing::File).asks("?offset=0").says("x"),
    case("GET /api/agent/v1/attachments/{id}/content", Confirmed, "200").on(Thing::File),
    case("GET /api/agent/v1/updates/{platform}", Device, "204").asks("?current=0.1.0&ring=stable&keys=x"),
    case("GET /api/agent/v1/updates/{platform}/{ring}/{version}", Device, "404 not_found"),
    case("POST /api/agent/v1/confirmation", Enabled, "422 token_").says(r#"{"token": "ABCD-EFGH"}"#),
    case("POST /api/agent/v1/confirmation/token", Enabled, "200 tries_left").says(r#"{"name": "Sam", "email": "{new}@north.example", "language": "en"}"#),
    case("POST /api/agent/v1/handover", Enabled, "200 portal").says(r#"{"page": "new_ticket"}"#),

    case("POST /api/portal/v1/session", Open, "401 handover_expired").says(r#"{"secret": "none"}"#),
    case("GET /api/portal/v1/session", Page, "200 csrf"),
    case("POST /api/portal/v1/confirmation", Page, "422 token_").says(r#"{"token": "ABCD-EFGH"}"#),
    case("POST /api/portal/v1/confirmation/token", Page, "200 tries_left").says(r#"{"name": "Sam", "email": "{new}@north.example", "language": "en"}"#),
    case("POST /api/portal/v1/tickets", Page, "200 number").on(Thing::Author).or("422 author_changed or 403 not_confirmed")
        .says(r#"{"id": "{new}", "author": "{id}", {ticket}}"#),
    case("GET /api/portal/v1/attachments/{id}", Page, "200 \"complete\":true").on(Thing::File),
    case("PUT /api/portal/v1/attachments/{id}", Page, "200 \"complete\":true").on(Thing::File).asks("?offset=0").says("x"),

    // Nobody is let in with an address that is none; what a wrong password costs is not for a matrix.
    case("POST /api/console/v1/session", Open, "422 email_invalid").says(r#"{"email": "{long}@harbour.example", "password": "wrong"}"#),
    case("GET /api/console/v1/session", Technician, "200 csrf"),
    case("GET /api/console/v1/technicians", Technician, "200 ada@"),
    case("PATCH /api/console/v1/me", Technician, "200 \"en\"").says(r#"{"language": "en"}"#),
    case("GET /api/console/v1/overview", Technician, "200"),
    case("GET /api/console/v1/live", Technician, "200"),
    case("GET /api/console/v1/mail", Admin, "200"),
    case("POST /api/console/v1/mail/{id}/retry", Admin, "204").on(Thing::Mail).once(),
    case("GET /api/console/v1/clients", Technician, "200 Northwind"),
    case("POST /api/console/v1/clients", Admin, "201").says(r#"{"name": "{new}", "domains": []}"#),
    case("GET /api/console/v1/clients/{id}", Technician, "200 Spare").on(Thing::Client),
    case("PATCH /api/console/v1/clients/{id}", Admin, "200 Spare").on(Thing::Client).says(r#"{"name": "Spare"}"#),
    case("GET /api/console/v1/clients/{id}/agent-settings", Technician, "200").on(Thing::Client),
    case("PUT /api/console/v1/clients/{id}/agent-settings", Admin, "200").on(Thing::Client).says(r#"{"name": "updates", "value": null}"#),
    case("PUT /api/console/v1/clients/{id}/enablement", Admin, "200").on(Thing::Client).says(r#"{"enabled": true}"#),
    case("POST /api/console/v1/clients/{id}/enablement/rehearse", Technician, "200").on(Thing::Client).says(r#"{"enabled": true}"#),
    case("GET /api/console/v1/clients/{id}/enrolment-keys", Technician, "200 hint").on(Thing::Client),
    case("POST /api/console/v1/clients/{id}/enrolment-keys", Admin, "201 secret").on(Thing::Client)
        .says(r#"{"name": "Key", "expires_in_days": 7, "max_devices": 1}"#),
    case("GET /api/console/v1/clients/{id}/history", Technician, "200").on(Thing::Client),
    case("GET /api/console/v1/clients/{id}/people", Technician, "200 spare@").on(Thing::Client),
    case("GET /api/console/v1/devices", Technician, "200"),
    case("GET /api/console/v1/devices/{id}", Technician, "200").on(Thing::Device),
    case("PATCH /api/console/v1/devices/{id}", Admin, "200").on(Thing::Device).says(r#"{"name": "Renamed"}"#),
    case("PUT /api/console/v1/devices/{id}/enablement", Admin, "200").on(Thing::Device).says(r#"{"enabled": true}"#),
    case("GET /api/console/v1/devices/{id}/history", Technician, "200").on(Thing::Device),
    case("GET /api/console/v1/devices/{id}/tickets", Technician, "200").on(Thing::Device),
    case("POST /api/console/v1/enablement", Admin, "200").on(Thing::Device).says(r#"{"devices": ["{id}"], "enabled": true}"#),
    case("POST /api/console/v1/enablement/rehearse", Technician, "200").on(Thing::Device).says(r#"{"devices": ["{id}"], "enabled": true}"#),
    case("PUT /api/console/v1/installations/{id}/registration", Admin, "200").on(Thing::Installation).says(r#"{"registration": "accepted"}"#),
    case("POST /api/console/v1/installations/{id}/vouch", Worker, "200").on(Thing::Installation).says(r#"{"name": "Spare", "email": "spare@spare.example"}"#),
    case("POST /api/console/v1/people/{id}/deactivate", Admin, "200").on(Thing::Person),
    case("POST /api/console/v1/people/{id}/reactivate", Admin, "200").on(Thing::Person),
    case("GET /api/console/v1/organization/agent-settings", Technician, "200"),
    case("PUT /api/console/v1/organization/agent-settings", Admin, "200").says(r#"{"name": "updates", "value": null}"#),
    case("PUT /api/console/v1/organization/enablement", Admin, "204").says(r#"{"enabled": false}"#),
    case("GET /api/console/v1/tickets", Technician, "200 Printer"),
    case("GET /api/console/v1/tickets/{id}", Technician, "200 Printer").on(Thing::Ticket),
    case("PATCH /api/console/v1/tickets/{id}", Worker, "200 Printer").on(Thing::Ticket).says(r#"{"priority": "high"}"#),
    case("POST /api/console/v1/tickets/{id}/messages", Worker, "200 Printer").on(Thing::Ticket)
        .says(r#"{"id": "{new}", "kind": "note", "text": "Seen"}"#),
    case("GET /api/console/v1/attachments/{id}", Technician, "200").on(Thing::File),

    // What ends something comes last.
    case("DELETE /api/console/v1/enrolment-keys/{id}", Admin, "204").on(Thing::Key),
    case("POST /api/console/v1/devices/{id}/move", Admin, "200").on(Thing::Device).says(r#"{"client": "{other}"}"#).once(),
    case("DELETE /api/console/v1/devices/{id}", Admin, "204").on(Thing::Device).once(),
    case("DELETE /api/portal/v1/confirmation", Page, "204"),
    case("DELETE /api/agent/v1/confirmation", Enabled, "204"),
    case("DELETE /api/portal/v1/session", Page, "204"),
    case("DELETE /api/console/v1/session", Technician, "204"),
];
