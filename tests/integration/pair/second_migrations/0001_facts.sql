-- Lock level: none (new table). No uniqueness: a doubled effect must show.
create table facts (n bigint generated always as identity, id uuid not null, ticket uuid not null, message uuid not null, number int not null, trace text);
