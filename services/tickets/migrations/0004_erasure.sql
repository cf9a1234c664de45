-- Lock level: access exclusive on persons for a moment (a new column, no rewrite); new tables.

alter table persons add column erased boolean not null default false;

-- Who asked for which person to be forgotten, and which services have said that they have.
create table erasures (
    workspace text not null,
    person uuid not null,
    request uuid not null,
    asked_by text,
    before timestamptz not null,
    done text[] not null default '{}',
    primary key (workspace, person, request)
);

-- Identities of people who were erased, as HMACs: what was accepted from them before is not kept when it comes late.
create table tombstones (
    workspace text not null,
    hmac text not null,
    before timestamptz not null,
    primary key (workspace, hmac)
);

-- Messages that came late from such an identity: accounted for, and not kept.
create table erased_messages (
    workspace text not null,
    id uuid not null,
    primary key (workspace, id)
);
