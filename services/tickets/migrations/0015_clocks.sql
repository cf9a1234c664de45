-- Lock level: access exclusive on tickets for a moment (a new column without a default), share while its index is built
-- (about a second for a million rows).

alter table tickets add column due_at timestamptz;
create index tickets_opened on tickets (workspace, opened_at);

-- What was valid when a cycle began: a policy and its calendar as they were in that version.
create table terms (
    workspace text not null,
    id uuid not null,
    policy text,
    policy_version int,
    calendar text,
    calendar_version int,
    documents jsonb not null,
    primary key (workspace, id)
);

-- What the clocks of a ticket follow from (domain/evidence.py); kept, so that late evidence is counted with the rest.
create table evidence (
    workspace text not null,
    ticket uuid not null,
    id uuid not null,
    what text not null,
    at timestamptz not null,
    version int not null,
    cycle int not null,
    word text not null,
    subject uuid,
    terms uuid,
    primary key (workspace, ticket, id)
);

-- One row for each clock. `told` is what others were told it came to, `told_due_at` when it was due then, `breached`
-- whether a breach was ever told, `warned` the highest warning, `next_at` when its timer rings.
create table clocks (
    workspace text not null,
    ticket uuid not null,
    name text not null,
    kind text not null,
    cycle int not null,
    terms uuid not null,
    outcome text not null,
    started_at timestamptz not null,
    due_at timestamptz,
    ended_at timestamptz,
    elapsed_s int,
    budget_s int not null,
    void_reason text,
    told text,
    told_due_at timestamptz,
    breached boolean not null,
    warned int not null,
    next_at timestamptz,
    version int not null,
    primary key (workspace, ticket, name)
);
