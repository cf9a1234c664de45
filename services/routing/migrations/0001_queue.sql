-- Lock level: none that anybody waits for (new tables only).
-- Who waits, who is asked, who holds, and why (architecture.md §6, "Routing").

-- One row for each workspace: whoever changes anything in it locks this row first.
create table workspaces (
    workspace text primary key,
    dirty boolean not null default false,  -- something changed that a match may use
    due_at timestamptz                     -- a match is due then: a step or an exclusion lapses
) with (fillfactor = 50);

-- Each ticket in exactly one place; `version` counts routing's own changes.
create table tickets (
    workspace text not null,
    id uuid not null,
    place text not null check (place in ('waiting', 'offered', 'held', 'done')),
    version int not null,
    ticket_version int not null,
    decided_on int not null,
    enqueue int not null,
    enqueued_at timestamptz,
    rank smallint not null,
    channel text not null,
    shop text,
    language text,
    live boolean not null,
    returned boolean not null,
    weight int not null,
    agent text,
    offer uuid,
    mode text,
    given_at timestamptz,
    lease_until timestamptz,
    reason text not null,
    waiting_reason text,
    trace text,
    correlation uuid,
    primary key (workspace, id),
    constraint one_holder check ((place in ('offered', 'held')) = (agent is not null)),
    constraint lease_of_offer check ((place = 'offered') = (lease_until is not null)),
    constraint queued check (enqueued_at is not null or enqueue = 0)
) with (fillfactor = 70);
create index tickets_waiting on tickets (workspace, rank, enqueued_at, id) where place = 'waiting';
create index tickets_of_agent on tickets (workspace, agent) where agent is not null;
create index tickets_offers on tickets (workspace, offer) where offer is not null;
create index tickets_leases on tickets (lease_until) where place = 'offered';

-- Agents as they last told; settings say what they can do.
create table agents (
    workspace text not null,
    agent text not null,
    presence text not null check (presence in ('available', 'away', 'finishing', 'offline')),
    reason text not null,
    channels text[],               -- channels he takes work from now; null: all
    heartbeat_at timestamptz not null,
    since timestamptz not null,    -- of this presence
    misses int not null default 0, -- offers that lapsed in a row
    gone boolean not null default false, -- offline past grace: his live work was released
    version int not null default 1,
    primary key (workspace, agent)
) with (fillfactor = 70);

-- What weighs on each agent, by channel: the sum over `tickets`, kept with every change of them.
create table loads (
    workspace text not null,
    agent text not null,
    channel text not null,
    tickets int not null,
    weight int not null,
    changed_at timestamptz not null,
    primary key (workspace, agent, channel)
) with (fillfactor = 50);

-- Who is not asked for a ticket for a while.
create table exclusions (
    workspace text not null,
    ticket uuid not null,
    agent text not null,
    until timestamptz not null,
    primary key (workspace, ticket, agent)
);
create index exclusions_until on exclusions (workspace, until);

-- Why: a row for each thing that happened to a ticket after it was enqueued, and for each change of why it waits.
create table decisions (
    workspace text not null,
    ticket uuid not null,
    id bigint generated always as identity,
    version int not null,
    enqueue int not null,
    outcome text not null check (outcome in (
        'waiting', 'offered', 'assigned', 'declined', 'expired', 'recalled', 'requeued', 'withdrawn', 'closed', 'finished')),
    at timestamptz not null,
    agent text,
    offer uuid,
    reason text not null,
    mode text,
    candidates jsonb, -- the best three with their scores
    refusals jsonb,   -- agents refused, by reason
    load int,         -- of the agent with this ticket
    capacity int,
    primary key (workspace, ticket, id)
);
create index decisions_offers on decisions (workspace, offer) where offer is not null and outcome <> 'offered';
