-- Lock level: none that anybody waits for (new tables only).

-- A person is a set of identities, linked on verified equality only.
create table persons (
    workspace text not null,
    id uuid not null,
    name text,
    language text,
    created_at timestamptz not null,
    primary key (workspace, id)
);

create table identities (
    workspace text not null,
    kind text not null,
    scope text not null,
    value text not null,
    person uuid not null,
    verified boolean not null default false,
    primary key (workspace, kind, scope, value)
);
create index identities_person on identities (workspace, person);

create table tickets (
    workspace text not null,
    id uuid not null,
    shop text,
    person uuid not null,
    channel text not null,
    account text not null,
    state text not null,
    priority text not null,
    language text,
    subject text,
    thread text,
    order_name text,
    version int not null,
    cycle int not null,
    cycle_started_at timestamptz not null,
    opened_at timestamptz not null,
    active_at timestamptz not null,
    solved_at timestamptz,
    possible_duplicate_of uuid,
    follow_up_of uuid,
    place text not null default 'none',
    assignee text,
    assigned_at timestamptz,
    routing_version int not null default 0,
    trace text,
    primary key (workspace, id)
) with (fillfactor = 80);
create index tickets_person on tickets (workspace, person);
create index tickets_active on tickets (workspace, active_at desc, id desc);
create index tickets_closing on tickets (solved_at) where state = 'solved';
create index tickets_thread on tickets (workspace, account, thread) where thread is not null;
create index tickets_order on tickets (workspace, person, order_name) where order_name is not null;

-- Natural ids stay unique for ever: the id is made from them (shared.ids.inbound_id).
create table messages (
    workspace text not null,
    id uuid not null,
    ticket uuid not null,
    person uuid not null,
    channel text not null,
    account text not null,
    natural_id text not null,
    edit_of text,
    author text not null,
    automatic text,
    subject text,
    body text not null,
    body_blob text,
    attachments jsonb not null default '[]',
    content_key text,
    copy_of uuid,
    provider_time timestamptz,
    accepted_at timestamptz not null,
    primary key (workspace, id)
);
create index messages_ticket on messages (workspace, ticket, accepted_at, id);
create index messages_natural on messages (workspace, account, natural_id);
create index messages_content on messages (workspace, content_key) where content_key is not null;

-- What happened to a ticket besides messages, as its timeline shows it.
create table happenings (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    what text not null,
    detail jsonb not null default '{}',
    at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (workspace, ticket, version)
);

-- Routing's decisions about tickets that have not arrived here (yet): applied when they do.
create table early_routing (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    event jsonb not null,
    primary key (workspace, ticket)
);
