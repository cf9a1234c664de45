-- Lock level: none on what is there (a new table).

-- Files that messages name by reference and that are still to be fetched from their providers.
create table media (
    workspace text not null,
    message uuid not null,
    number int not null,
    channel text not null,
    account text not null,
    prefix text not null,
    attempts int not null default 0,
    due_at timestamptz not null default now(),
    added_at timestamptz not null default now(),
    primary key (workspace, message, number)
);
create index media_due on media (due_at);
