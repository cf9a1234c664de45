-- Lock level: none, creates a table that nothing uses yet.
create table heard (
    workspace text not null,
    person uuid not null,
    channel text not null,
    account text not null,
    at timestamptz not null,
    primary key (workspace, person, channel, account)
);
comment on table heard is 'When a person''s newest message on an account was accepted, where a reply window counts from it.';
