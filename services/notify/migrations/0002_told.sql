-- Lock level: none, creates a table that nothing uses yet.
create table told (
    workspace text not null,
    message uuid not null,
    version int not null,
    state text not null,
    at timestamptz not null,
    reason text,
    attempts int not null,
    primary key (workspace, message)
);
comment on table told is 'After a restore: what we had told of messages whose commands are not in the ledger yet.';
