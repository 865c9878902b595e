-- SQLite's alone: PostgreSQL's index knows its words.
select 1;
