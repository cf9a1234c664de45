-- Lock level: access exclusive on tickets for a moment (a new column, no rewrite); one look over messages for old edits.

-- What was done to messages after they were written: edits, withdrawals, reactions. A row names its message by the id
-- that the message has or will have, so it may come first; how a message stands is worked out when it is read.
create table changes (
    workspace text not null,
    id uuid not null,
    number bigint generated always as identity,
    target uuid not null,
    hashes text[] not null default '{}',
    kind text not null,
    by_desk boolean not null,
    person uuid not null,
    body text not null,
    body_blob text,
    attachments jsonb not null default '[]',
    at timestamptz not null,
    accepted_at timestamptz not null,
    ticket uuid,
    version int,
    primary key (workspace, id)
);
comment on column changes.target is 'The message''s id, were it a customer''s or an echo.';
comment on column changes.hashes is 'What the message is called in provider_names, were it one that we sent.';
comment on column changes.at is 'The provider''s time, else when it was accepted: the newest one counts, then the greatest number.';
comment on column changes.ticket is 'The ticket that was told of it; none where the message had not arrived yet.';
create index changes_target on changes (workspace, target);
create index changes_hashes on changes using gin (hashes);
create index changes_person on changes (workspace, person);
create index changes_ticket on changes (workspace, ticket, version) where ticket is not null;

-- Which message a provider's name (as an HMAC) belongs to: one that we sent, or one that the desk wrote in its app.
create table provider_names (
    workspace text not null,
    hash text not null,
    message uuid not null,
    primary key (workspace, hash)
);
create index provider_names_message on provider_names (workspace, message);

-- Whether the cycle's reply clocks count: they do, they are void, or the desk began the cycle itself.
alter table tickets add column clock text not null default 'runs';

-- Edits were rows of messages before; those whose message is not here stay where they are.
with moved as (
    insert into changes(workspace, id, target, kind, by_desk, person, body, body_blob, attachments, at, accepted_at,
        ticket, version)
    select e.workspace, e.id, m.id, 'edit', false, e.person, e.body, e.body_blob, e.attachments,
        coalesce(e.provider_time, e.accepted_at), e.accepted_at, e.ticket, e.version
    from messages e join messages m on m.workspace = e.workspace and m.channel = e.channel and m.account = e.account
        and m.natural_id = e.edit_of
    where e.edit_of is not null order by e.accepted_at, e.version
    returning workspace, id
)
delete from messages e using moved where e.workspace = moved.workspace and e.id = moved.id;
