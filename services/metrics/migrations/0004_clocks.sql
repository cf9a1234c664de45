-- Lock level: none that anybody waits for (new tables only).

-- What was told of a clock: a share of it is used up, or what it came to (`outcome`), which may be corrected later.
create table clock_facts (
    workspace text not null,
    clock uuid not null,
    version int not null,
    event uuid not null,
    what text not null,
    at timestamptz not null,
    ticket uuid not null,
    kind text not null,
    cycle int not null,
    shop text,
    channel text not null,
    agent text,
    outcome text,
    decided_at timestamptz,
    percent int,
    elapsed_s bigint,
    target_s bigint not null,
    policy text not null,
    policy_version int not null,
    calendar text,
    calendar_version int,
    primary key (workspace, clock, version, event)
);

-- The last word on what each clock came to: of its facts with an outcome the one with the greatest (version, at, event).
create table newest_clocks (
    workspace text not null,
    clock uuid not null,
    version int not null,
    event uuid not null,
    at timestamptz not null,
    ticket uuid not null,
    kind text not null,
    shop text,
    channel text not null,
    agent text,
    outcome text not null,
    decided_at timestamptz,
    primary key (workspace, clock)
);
-- sla: a window of decisions.
create index clocks_by_decision on newest_clocks (workspace, decided_at) where decided_at is not null;
