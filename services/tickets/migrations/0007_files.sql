-- Lock level: none on what is there (a new table).

-- Files that agents have brought for answers; one that goes out with none within a day is forgotten.
create table uploads (
    workspace text not null,
    id uuid not null,
    ticket uuid not null,
    name text not null,
    media_type text not null,
    size int not null,
    blob text not null,
    stored boolean not null default false,
    used boolean not null default false,
    at timestamptz not null default now(),
    primary key (workspace, id)
);
create index uploads_unused on uploads (at) where not used;
create index uploads_ticket on uploads (workspace, ticket);
