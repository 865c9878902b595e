-- Deskbell's first schema. Ids are UUIDs as text, times are milliseconds since 1970 (UTC), JSON is
-- text. The same file in both folders, but for the columns that number themselves.

create table organization (
    id integer primary key check (id = 1),
    server_id text not null,
    -- Null until the first-run set-up is done.
    name text,
    -- Keys the HMACs of tokens, sessions and hints. Random, 32 bytes, base64.
    secret text not null,
    -- SHA-256 of the one-time set-up code; null once it is used.
    setup_code_hash text,
    enablement boolean not null default false,
    enablement_by text,
    enablement_at bigint,
    created_at bigint not null
);

create table technicians (
    id text primary key,
    -- In lower case.
    email text not null,
    name text not null,
    role text not null,
    language text not null,
    password_hash text not null,
    created_at bigint not null,
    disabled_at bigint,
    constraint technicians_email unique (email)
);

create table sessions (
    -- SHA-256 of the cookie's value.
    id_hash text primary key,
    technician_id text not null references technicians (id),
    csrf text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index sessions_expires_at on sessions (expires_at);

-- One row for each thing that is limited in number within a time: sign-ins that failed, tokens
-- asked for. Two servers over one database count together.
create table attempts (
    bucket text not null,
    at bigint not null
);
create index attempts_bucket on attempts (bucket, at);

create table clients (
    id text primary key,
    name text not null,
    -- In lower case, for uniqueness.
    name_key text not null,
    enablement boolean,
    enablement_by text,
    enablement_at bigint,
    created_at bigint not null,
    constraint clients_name unique (name_key)
);

create table client_domains (
    domain text not null,
    client_id text not null references clients (id),
    constraint client_domains_domain primary key (domain)
);
create index client_domains_client_id on client_domains (client_id);

create table sites (
    id text primary key,
    client_id text not null references clients (id),
    name text not null,
    enablement boolean,
    enablement_by text,
    enablement_at bigint,
    created_at bigint not null
);

create table enrolment_keys (
    id text primary key,
    client_id text not null references clients (id),
    name text not null,
    -- The first characters, for people: DB-7F3K
    hint text not null,
    -- SHA-256 of the normalized key.
    secret_hash text not null,
    expires_at bigint not null,
    max_devices bigint not null,
    revoked_at bigint,
    created_at bigint not null,
    created_by text not null,
    constraint enrolment_keys_secret unique (secret_hash)
);
create index enrolment_keys_client_id on enrolment_keys (client_id);

create table devices (
    id text primary key,
    client_id text not null references clients (id),
    site_id text references sites (id),
    -- The key that introduced it; its cap counts devices.
    enrolment_key_id text references enrolment_keys (id),
    name text not null,
    -- A technician chose the name: the agent's host name no longer replaces it.
    renamed boolean not null default false,
    -- Salted per client. It groups; it never authorises.
    machine_hint text not null,
    os text not null,
    platform text not null,
    model text,
    serial text,
    ip text,
    os_user text,
    agent_version text,
    enablement boolean,
    enablement_by text,
    enablement_at bigint,
    last_seen_at bigint,
    created_at bigint not null,
    removed_at bigint,
    constraint devices_machine_hint unique (client_id, machine_hint)
);
create index devices_client_id on devices (client_id, name);
create index devices_enrolment_key_id on devices (enrolment_key_id);

create table requesters (
    id text primary key,
    client_id text not null references clients (id),
    -- In lower case.
    email text not null,
    name text not null,
    -- In lower case, for searching.
    name_key text not null,
    language text not null,
    created_at bigint not null,
    deactivated_at bigint,
    constraint requesters_email unique (client_id, email)
);

create table installations (
    id text primary key,
    device_id text not null references devices (id),
    client_id text not null references clients (id),
    -- Base64url without padding: the keyid of its signatures.
    public_key text not null,
    algorithm text not null,
    os_user text not null,
    registration text not null,
    agent_version text not null,
    language text not null,
    hotkey text not null,
    -- The epoch of the last answer, and the one that it came to: whoever holds another one is a copy.
    epoch bigint not null default 0,
    epoch_before bigint not null default 0,
    -- When the last sync was signed, in seconds: an older one that comes later is no second machine.
    signed_at bigint not null default 0,
    -- Grows with every change of the installation's state; `applied_revision` is what it has heard.
    revision bigint not null default 1,
    applied_revision bigint not null default 0,
    -- While a live connection is open: renewed with each heartbeat.
    online_until bigint not null default 0,
    last_seen_at bigint not null,
    created_at bigint not null,
    -- The person confirmed here, if any.
    requester_id text references requesters (id),
    confirmed_at bigint,
    -- The technician who vouched, where no token was typed.
    vouched_by text references technicians (id),
    constraint installations_public_key unique (public_key)
);
create index installations_device_id on installations (device_id);
create index installations_client_id on installations (client_id);
create index installations_requester_id on installations (requester_id);

create table challenges (
    id text primary key,
    installation_id text not null references installations (id),
    client_id text not null references clients (id),
    email text not null,
    name text not null,
    language text not null,
    -- HMAC-SHA-256 of installation, address and token.
    token_hmac text not null,
    -- The address may be confirmed here. Where it may not, nothing is sent and no token fits; the
    -- answer is the same.
    deliverable boolean not null,
    tries_left bigint not null,
    expires_at bigint not null,
    spent_at bigint,
    created_at bigint not null
);
create index challenges_installation_id on challenges (installation_id, created_at);

create table tickets (
    -- Made by whoever wrote it.
    id text not null,
    number bigint not null,
    client_id text not null references clients (id),
    requester_id text not null references requesters (id),
    device_id text references devices (id),
    installation_id text references installations (id),
    type text not null,
    subject text not null,
    -- In lower case, for searching: SQLite's own knows no letters but A to Z.
    subject_key text not null,
    status text not null,
    can_work text,
    affected text not null,
    priority text not null,
    assignee_id text references technicians (id),
    language text not null,
    context text not null,
    -- SHA-256 over the submission: the same id with another content is refused.
    content_hash text not null,
    -- Counts the messages: the last one's `sequence`.
    last_sequence bigint not null,
    files_pending bigint not null,
    written_at bigint,
    received_at bigint not null,
    updated_at bigint not null,
    constraint tickets_id primary key (id),
    constraint tickets_number unique (number)
);
create index tickets_client_id on tickets (client_id, updated_at);
create index tickets_requester_id on tickets (requester_id, updated_at);
create index tickets_device_id on tickets (device_id, updated_at);
create index tickets_status on tickets (status, updated_at);
create index tickets_assignee_id on tickets (assignee_id, status, updated_at);

create table messages (
    id text not null,
    ticket_id text not null references tickets (id),
    client_id text not null references clients (id),
    -- The server's order within the ticket.
    sequence bigint not null,
    -- reply, note, status_changed, assigned, priority_changed
    kind text not null,
    author_kind text not null,
    requester_id text references requesters (id),
    technician_id text references technicians (id),
    author_name text not null,
    -- The installation that signed it, with that installation's own count of its messages to this ticket.
    installation_id text references installations (id),
    device_sequence bigint,
    -- The text, or an event's JSON.
    body text not null,
    content_hash text not null,
    written_at bigint,
    received_at bigint not null,
    constraint messages_id primary key (id),
    constraint messages_sequence unique (ticket_id, sequence),
    constraint messages_device_sequence unique (ticket_id, installation_id, device_sequence)
);

create table attachments (
    id text not null,
    ticket_id text not null references tickets (id),
    message_id text not null references messages (id),
    client_id text not null references clients (id),
    -- Who may upload it; null for a technician's.
    installation_id text references installations (id),
    role text not null,
    name text not null,
    -- As announced until complete, then as typed by content.
    content_type text not null,
    size bigint not null,
    sha256 text not null,
    received bigint not null default 0,
    completed_at bigint,
    created_at bigint not null,
    constraint attachments_id primary key (id)
);
create index attachments_ticket_id on attachments (ticket_id);
create index attachments_message_id on attachments (message_id);

-- Who did what, when: the audit log. Never changed, only added to.
create table history (
    id text primary key,
    at bigint not null,
    -- technician, requester, installation, system
    actor_kind text not null,
    actor_id text,
    actor_name text not null,
    action text not null,
    client_id text references clients (id),
    device_id text references devices (id),
    ticket_id text references tickets (id),
    detail text not null
);
create index history_client_id on history (client_id, at);
create index history_device_id on history (device_id, at);
create index history_ticket_id on history (ticket_id, at);
create index history_at on history (at);

-- Work to do after the transaction that wrote it: mails first of all.
create table jobs (
    id text primary key,
    kind text not null,
    payload text not null,
    run_at bigint not null,
    attempts bigint not null default 0,
    -- Claimed until then by a server; another one takes it up afterwards.
    leased_until bigint not null default 0,
    last_error text,
    done_at bigint,
    failed_at bigint,
    created_at bigint not null
);
create index jobs_due on jobs (run_at) where done_at is null and failed_at is null;

-- What live connections are told: the truth, while NOTIFY only wakes the servers up.
create table live_events (
    id integer primary key autoincrement,
    at bigint not null,
    -- console or agent, and the event's JSON
    audience text not null,
    client_id text,
    installation_id text,
    event text not null
);
create index live_events_at on live_events (at);

-- Nonces of requests that change something, until their time window is over.
create table nonces (
    public_key text not null,
    nonce text not null,
    expires_at bigint not null,
    constraint nonces_nonce primary key (public_key, nonce)
);
create index nonces_expires_at on nonces (expires_at);

-- The next ticket number; PostgreSQL has a sequence.
create table ticket_numbers (next bigint not null);
insert into ticket_numbers (next) values (1);
