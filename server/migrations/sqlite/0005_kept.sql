-- What is counted is found without reading the rest, and what has had its time is forgotten.

create index tickets_active_device on tickets (device_id) where status not in ('resolved', 'closed');
create index tickets_active_requester on tickets (requester_id) where status not in ('resolved', 'closed');
create index jobs_failed on jobs (failed_at) where failed_at is not null;
create index jobs_done on jobs (done_at) where done_at is not null;
create index challenges_expired on challenges (expires_at);
