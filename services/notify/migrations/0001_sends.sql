-- Lock level: none, creates tables that nothing uses yet.
create table sends (
    workspace text not null,
    message uuid not null,
    number bigint generated always as identity,
    command uuid not null,
    ticket uuid not null,
    person uuid not null,
    shop text,
    channel text not null,
    account text not null,
    recipient text not null,
    content bytea,
    state text not null,
    step text not null,
    version int not null,
    attempts int not null default 0,
    part int not null default 0,
    doubtful boolean not null default false,
    provider_id text,
    reason text,
    changed_at timestamptz not null,
    queued_at timestamptz not null default now(),
    next_at timestamptz not null default now(),
    claim uuid,
    lease_until timestamptz,
    hold_until timestamptz,
    correlation uuid,
    trace text,
    primary key (workspace, message)
);
comment on table sends is 'The ledger: one row for each message to a customer, for ever (definitions.md, Delivery of messages).';
comment on column sends.number is 'Order of arrival: a conversation (workspace, channel, account, recipient) is sent in it.';
comment on column sends.command is 'Id of the event that asked for it.';
comment on column sends.recipient is 'Whom it goes to; empty once nothing is left to do, or the person was erased.';
comment on column sends.content is 'The command as JSON; null once nothing is left to do, or the person was erased.';
comment on column sends.state is 'What others are told: queued, unknown, sent, delivered, read, failed.';
comment on column sends.step is 'What the sender has to do: queued, sending (under a lease), unsure (a person decides), done.';
comment on column sends.version is 'Counts the changes of state.';
comment on column sends.part is 'The next of several requests that a long text becomes.';
comment on column sends.doubtful is 'Some try may have reached the provider, so it never just failed.';
comment on column sends.claim is 'The try that holds the lease; another one''s outcome is not taken.';
comment on column sends.hold_until is 'Until then an unsure row keeps its conversation waiting.';
create index sends_queue on sends (workspace, channel, account, next_at, number) where step = 'queued';
create index sends_conversation on sends (workspace, channel, account, recipient, number) where step <> 'done';
create index sends_lapsing on sends (lease_until) where step = 'sending';
create index sends_by_provider on sends (workspace, channel, account, provider_id);
create index sends_by_command on sends (command);
create index sends_by_person on sends (workspace, person);
create index sends_waiting on sends (queued_at) where step = 'queued';
create index sends_list on sends (workspace, number desc);
create index sends_list_by_state on sends (workspace, state, number desc);

create table receipts (
    workspace text not null,
    channel text not null,
    account text not null,
    provider_id text not null,
    state text not null,
    id uuid not null,
    at timestamptz not null,
    reason text,
    trace text,
    kept_at timestamptz not null default now(),
    primary key (workspace, channel, account, provider_id, state)
);
comment on table receipts is 'A provider''s words on messages whose send is not recorded yet; applied and deleted when it is.';
create index receipts_age on receipts (kept_at);

create table paces (
    workspace text not null,
    channel text not null,
    account text not null,
    tokens double precision not null,
    failures int not null,
    open_until timestamptz not null,
    at timestamptz not null,
    primary key (workspace, channel, account)
);
comment on table paces is 'How fast an account may send now: its token bucket, and its circuit (closed until failures mount).';

create table contacts (
    workspace text not null,
    person uuid not null,
    version int not null,
    name text,
    identities jsonb not null,
    language text,
    zone text,
    preference text,
    erased boolean not null,
    primary key (workspace, person)
);
comment on table contacts is 'A copy of tickets'' people: whom to reach how; the newest version wins, one erased keeps nothing else.';

create table erased (
    workspace text not null,
    person uuid not null,
    before timestamptz not null,
    request uuid not null,
    primary key (workspace, person)
);
comment on table erased is 'Tombstones: what was asked for before this moment for this person is not sent, however late it arrives.';
