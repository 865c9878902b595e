-- The words that there are, so that the beginning of one is looked for as the words that begin so: FTS5 reads the lists
-- of all of them to their ends otherwise, however few tickets are shown. A word that no ticket has any more may stay.

create table search_words (word text primary key) without rowid;

create virtual table search_vocabulary using fts5vocab(search, row);
insert into search_words select term from search_vocabulary;
drop table search_vocabulary;
