-- Lock level: none on what is there (a new table).

-- What each rule did about which event, or why it did not: what leads read, what tells a chain of causes that a rule has
-- run in it, and what keeps a rule from acting twice on one event. Kept for 30 days.
create table rules_log (
    workspace text not null,
    rule text not null,
    event uuid not null,
    ticket uuid not null,
    chain uuid not null,
    rule_version int not null,
    trigger text not null,
    outcome text not null,
    reason text,
    actions jsonb not null default '[]',
    at timestamptz not null default clock_timestamp(),
    primary key (workspace, rule, event)
);
create index rules_log_of_rule on rules_log (workspace, rule, at desc, event desc);
create index rules_log_of_chain on rules_log (workspace, ticket, chain);
create index rules_log_at on rules_log (at);
