-- The ticket form in a browser, for computers on which the agent can show no window.

-- Links that open a page, once, for a minute. Removed an hour after they expired.
create table handovers (
    -- SHA-256 of the secret in the link.
    id_hash text primary key,
    installation_id text not null references installations (id),
    created_at bigint not null,
    expires_at bigint not null,
    spent_at bigint
);
create index handovers_expires_at on handovers (expires_at);

-- What a link was traded for: the page's session, which belongs to one installation and one person.
create table portal_sessions (
    -- SHA-256 of the cookie's value.
    id_hash text primary key,
    installation_id text not null references installations (id),
    client_id text not null references clients (id),
    -- Null until somebody is confirmed at the installation; whoever that is first, it stays theirs.
    requester_id text references requesters (id),
    csrf text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index portal_sessions_expires_at on portal_sessions (expires_at);

-- agent: signed by the device. browser: from a page that the device opened.
alter table tickets add column source text not null default 'agent';
