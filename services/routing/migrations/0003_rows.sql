-- Lock level: none that anybody waits for (new types only).
-- Rows as they are sent, many in one array; a type of its own, so that a table may get a column while replicas of the
-- release before still write.
create type ticket_row as (
    workspace text,
    id uuid,
    place text,
    version int,
    ticket_version int,
    decided_on int,
    enqueue int,
    enqueued_at timestamptz,
    rank smallint,
    channel text,
    shop text,
    language text,
    live boolean,
    returned boolean,
    weight int,
    agent text,
    offer uuid,
    mode text,
    given_at timestamptz,
    lease_until timestamptz,
    reason text,
    waiting_reason text,
    trace text,
    correlation uuid
);
create type decision_row as (
    workspace text,
    ticket uuid,
    version int,
    enqueue int,
    outcome text,
    at timestamptz,
    reason text,
    agent text,
    offer uuid,
    mode text,
    candidates text,
    refusals text,
    load int,
    capacity int
);
