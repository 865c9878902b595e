-- The agent's queue and what it remembers. Times are milliseconds since 1970, JSON is text.

-- Single values by name: the draft, the server's last state, preferences.
create table settings (
    name text primary key,
    value text not null
) strict;

-- What waits to be delivered. The item is what the server gets, byte for byte the same each time.
create table outbox (
    id text primary key,
    ticket text not null,
    kind text not null,
    subject text not null,
    -- Null until somebody is confirmed here; nothing is sent before.
    author text,
    item text not null,
    -- Why it waits or needs attention: a CommandError.
    reason text,
    -- The server will never take it as it is.
    refused integer not null default 0,
    -- Known from the receipt on.
    number integer,
    accepted_at integer,
    delivered_at integer,
    written_at integer not null
) strict;

create table outbox_files (
    id text primary key,
    entry text not null references outbox (id) on delete cascade,
    position integer not null,
    role text not null,
    name text not null,
    size integer not null,
    sent integer not null default 0,
    complete integer not null default 0
) strict;
create index outbox_files_entry on outbox_files (entry);

-- How many replies and status changes this installation has written to a ticket.
create table sequences (
    ticket text primary key,
    last integer not null
) strict;

-- The person's tickets, as the server last told them.
create table tickets (
    id text primary key,
    summary text not null,
    updated_at integer not null,
    -- The last message that the person has seen here.
    seen text,
    conversation text
) strict;
