-- Lock level: none that anybody waits for (new tables only).
-- What the consumer runtime keeps in every service's schema (architecture.md §5).

-- How far each partition is handled; moves in the transaction of the effects. `fingerprint` is that of the record at
-- next_offset - 1, so that a log which lost its tail and grew again is recognised.
create table consumed (
    grp text not null,
    topic text not null,
    partition int not null,
    next_offset bigint not null,
    fingerprint bigint,
    primary key (grp, topic, partition)
);

-- The ids of records whose effects are in this database.
create table inbox (
    grp text not null,
    id uuid not null,
    at timestamptz not null default now(),
    primary key (grp, id)
) with (fillfactor = 100);

-- Events to publish; deleted once Kafka has them.
create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key bytea not null,
    value bytea not null,
    trace text,
    at timestamptz not null default now()
);

-- Records that could not be handled, and those that wait behind one.
-- parked: a culprit whose key waits; waiting: behind it; skipped: a culprit passed over; retry, discard: asked for by
-- an operator; released, discarded: done; gap: offsets that left the log before they were read.
create table dead_letters (
    id bigint generated always as identity primary key,
    grp text not null,
    topic text not null,
    partition int not null,
    "offset" bigint not null,
    key bytea not null,
    record bytea not null,
    headers jsonb not null default '[]',
    error text not null,
    attempts int not null default 1,
    state text not null check (state in
        ('parked', 'waiting', 'skipped', 'retry', 'discard', 'released', 'discarded', 'gap')),
    at timestamptz not null default now()
);
create index dead_letters_open on dead_letters (grp, topic, key, id) where state in ('parked', 'waiting', 'retry', 'discard');
create index dead_letters_recent on dead_letters (grp, topic, at);

-- Keys whose records wait.
create table parked (
    grp text not null,
    topic text not null,
    key bytea not null,
    at timestamptz not null default now(),
    primary key (grp, topic, key)
);

-- Topics that too many dead letters have stopped, until an operator resumes them.
create table stopped (
    grp text not null,
    topic text not null,
    reason text not null,
    at timestamptz not null default now(),
    primary key (grp, topic)
);

-- Answers to commands with an Idempotency-Key, stored in the effect's transaction.
create table idempotency (
    principal text not null,
    key text not null,
    request_hash bytea not null,
    status int,
    body bytea,
    at timestamptz not null default now(),
    primary key (principal, key)
);
create index idempotency_at on idempotency (at);
