-- Lock level: none that anybody waits for (new tables only).
-- Facts: one row for each event about a ticket, a reply, a place in routing, an agent's presence, a delivery. They are
-- inserted, never changed; the event stands in the key beside (subject, version), so that two different words on one
-- version, as a restored owner may say them, are both kept whatever order they come in.

create table ticket_facts (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    event uuid not null,
    what text not null,
    at timestamptz not null,
    shop text,
    channel text not null,
    account text not null,
    person uuid not null,
    priority text not null,
    language text,
    state text not null,
    was text,
    cycle int not null,
    cycle_started_at timestamptz not null,
    message uuid,
    author text,
    automatic boolean,
    note boolean,
    agent text,
    reason text,
    primary key (workspace, ticket, version, event)
);
-- volume (opened, reopened) and first_reply's cohort: a window of arrivals.
create index cycles_by_start on ticket_facts (workspace, at) where what in ('opened', 'reopened');
-- whether a reply's cycle counts, and whether a cycle is its ticket's first.
create index cycles_of_ticket on ticket_facts (workspace, ticket, cycle) where what in ('opened', 'reopened');
-- volume: a window of customers' messages.
create index customers_messages on ticket_facts (workspace, at) where author = 'customer';
-- first_reply, closed unanswered: a window of ends.
create index ends_by_time on ticket_facts (workspace, at)
    where what = 'state' and state in ('solved', 'closed') and was not in ('solved', 'closed');

create table replies (
    workspace text not null,
    message uuid not null,
    version int not null,
    event uuid not null,
    failed boolean not null,
    at timestamptz not null,
    ticket uuid not null,
    cycle int not null,
    shop text,
    channel text not null,
    agent text not null,
    team text,
    since_start_s bigint,
    business_since_start_s bigint,
    calendar text,
    calendar_version int,
    primary key (workspace, message, version, event)
);
-- first_reply and volume: a window of replies.
create index replies_by_time on replies (workspace, at) where not failed;
-- the first reply of a cycle, or that there is none.
create index replies_of_cycle on replies (workspace, ticket, cycle, at);

create table routing_facts (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    event uuid not null,
    what text not null,
    at timestamptz not null,
    shop text,
    place text not null,
    enqueue int not null,
    enqueued_at timestamptz not null,
    agent text,
    reason text not null,
    mode text,
    waited_ms bigint,
    primary key (workspace, ticket, version, event)  -- backlog: who holds a ticket now
);

create table presences (
    workspace text not null,
    agent text not null,
    version int not null,
    event uuid not null,
    at timestamptz not null,
    presence text not null,
    was text not null,
    reason text not null,
    primary key (workspace, agent, version, event)
);

create table deliveries (
    workspace text not null,
    message uuid not null,
    version int not null,
    event uuid not null,
    at timestamptz not null,
    ticket uuid not null,
    shop text,
    channel text not null,
    account text not null,
    state text not null,
    reason text,
    attempts int not null,
    primary key (workspace, message, version, event)
);

-- How each ticket stands: of its facts the one with the greatest (version, at, event), in any order of arrival.
create table tickets (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    event uuid not null,
    at timestamptz not null,
    shop text,
    channel text not null,
    state text not null,
    cycle int not null,
    cycle_started_at timestamptz not null,
    primary key (workspace, ticket)
);
-- backlog, and first_reply's still unanswered: the tickets that are not over.
create index tickets_not_over on tickets (workspace) where state in ('new', 'open', 'pending', 'on-hold');

-- A cycle begins where a customer's message opens or reopens a ticket. A ticket that an automatic message opened is
-- solved from the start: it is kept, and begins no cycle (definitions.md, "Tickets, cycles, joining").
create view cycles as
select workspace, ticket, cycle, at as started_at, shop, channel, person
from ticket_facts where what in ('opened', 'reopened') and state <> 'solved';

-- Human public replies that count: sent, and nothing later said that they failed.
create view standing_replies as
select r.* from replies r
where not r.failed and not exists (
    select from replies later
    where later.workspace = r.workspace and later.message = r.message
        and (later.version, later.at, later.event) > (r.version, r.at, r.event)
);

-- The first of them in each cycle that a customer began.
create view first_replies as
select r.* from standing_replies r
where exists (select from cycles c where c.workspace = r.workspace and c.ticket = r.ticket and c.cycle = r.cycle)
    and not exists (
        select from standing_replies earlier
        where earlier.workspace = r.workspace and earlier.ticket = r.ticket and earlier.cycle = r.cycle
            and (earlier.at, earlier.message) < (r.at, r.message)
    );
