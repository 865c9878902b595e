-- Settings that are sent to agents. Without a client: for those whose client says nothing of it.
create table agent_settings (
    id text primary key,
    client_id text references clients (id),
    name text not null,
    value text not null,
    -- The person may not set another.
    locked boolean not null,
    set_by text not null,
    set_at bigint not null
);
create unique index agent_settings_name on agent_settings (coalesce(client_id, ''), name);
