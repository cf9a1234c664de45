-- Lock level: none (new table). What a later release can handle.
create table cured (word text primary key);
