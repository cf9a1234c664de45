-- Lock level: none (new table). No uniqueness: a doubled effect must show.
create table seen (n bigint generated always as identity, id uuid not null, sender text not null, number int not null);
