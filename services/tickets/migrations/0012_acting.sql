-- Lock level: access exclusive on tickets and on outbox for a moment (new columns with constant defaults, a trigger).

alter table tickets
    add column intent text,
    add column tags text[] not null default '{}',
    add column snoozed_until timestamptz,
    add column spam boolean not null default false,
    add column merged_into uuid;
create index tickets_tags on tickets using gin (tags);

-- Everything that becomes due on a ticket at a moment: kind and name say what. `run_at` is later than `due_at` where it
-- was tried in vain. Whoever takes a row has locked its ticket before.
create table timers (
    workspace text not null,
    kind text not null,
    ticket uuid not null,
    name text not null default '',
    due_at timestamptz not null,
    run_at timestamptz not null,
    primary key (workspace, ticket, kind, name)
);
create index timers_run on timers (run_at);

-- Who did what: each record of ticket-events as it was told, written by the statement that tells it, so that none can
-- be forgotten. The sealer gives a row its workspace and the number of its seal.
create table audit (
    number bigint generated always as identity primary key,
    key bytea not null,
    record bytea not null,
    workspace text,
    seal int
);
create index audit_key on audit (key, number);
create index audit_workspace on audit (workspace, seal, number) where seal is not null;
create index audit_unsealed on audit (number) where seal is null;

-- Each seal holds the hash of the one before it and of its rows: a row that is changed, added or taken out is seen.
create table seals (
    workspace text not null,
    number int not null,
    rows int not null,
    hash bytea not null,
    at timestamptz not null default clock_timestamp(),
    primary key (workspace, number)
);

create function keep_for_audit() returns trigger language plpgsql set search_path from current as $$
begin
    insert into audit(key, record) select key, value from told where topic = 'ticket-events' order by id;
    return null;
end
$$;
create trigger audited after insert on outbox referencing new table as told
    for each statement execute function keep_for_audit();
