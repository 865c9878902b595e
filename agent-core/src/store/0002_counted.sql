-- What an exchange asks for is found without reading the rest.

-- What is not delivered: without a number it waits in the order in which it was written, with one its files do.
create index outbox_undelivered on outbox (refused, number) where delivered_at is null;
-- What was delivered long ago.
create index outbox_delivered on outbox (delivered_at) where delivered_at is not null;

-- Whether the last message is a technician's that was not seen here.
alter table tickets add column unread integer not null generated always as (
    case when json_valid(summary) then
        coalesce(summary ->> '$.last_message.author.kind', '') = 'technician'
        and summary ->> '$.last_message.id' is not seen
    else 0 end
) virtual;
create index tickets_unread on tickets (id) where unread = 1;
