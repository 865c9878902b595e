-- Lists that read no more than they show, and tickets found by their words.

-- Each view has an index in the order of its list, so that a page ends where it is full.
create index tickets_changed on tickets (updated_at, id);
create index tickets_active on tickets (updated_at, id) where status not in ('resolved', 'closed');
create index tickets_assigned on tickets (coalesce(assignee_id, ''), updated_at, id)
    where status not in ('resolved', 'closed');
create index tickets_cannot_work on tickets (updated_at, id)
    where status not in ('resolved', 'closed') and can_work = 'no';
create index tickets_active_client on tickets (client_id) where status not in ('resolved', 'closed');
drop index tickets_assignee_id;
drop index tickets_status;
create index tickets_status on tickets (status, updated_at, id);
drop index tickets_client_id;
create index tickets_client_id on tickets (client_id, updated_at, id);
drop index tickets_device_id;
create index tickets_device_id on tickets (device_id, updated_at, id);

-- The words of each ticket, whose number is the rowid. They come folded (server/src/words.rs), with nothing
-- but spaces between them, so that both databases cut the same words.
create virtual table search using fts5(
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii', prefix = '1 2 3 4'
);

-- Tickets whose words have to be read (again). Only added to, so that nobody waits for whoever reads; a row is
-- removed in the transaction that wrote the words.
create table search_due (
    id integer primary key autoincrement,
    ticket_id text not null
);
insert into search_due (ticket_id) select id from tickets order by number desc;

create trigger search_message after insert on messages when new.kind in ('reply', 'note') begin
    insert into search_due (ticket_id) values (new.ticket_id);
end;
create trigger search_requester after update of name, email on requesters
when old.name <> new.name or old.email <> new.email begin
    insert into search_due (ticket_id) select id from tickets where requester_id = new.id;
end;
create trigger search_device after update of name on devices when old.name <> new.name begin
    insert into search_due (ticket_id) select id from tickets where device_id = new.id;
end;
create trigger search_deleted after delete on tickets begin
    delete from search where rowid = old.number;
end;
