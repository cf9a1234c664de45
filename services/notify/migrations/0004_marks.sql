-- Lock level: access exclusive on sends for a moment (new columns, no rewrite), then SHARE while its index is built.
alter table sends add column names text[] not null default '{}', add column conversation text,
    add column tried_at timestamptz;
comment on column sends.names is 'What the provider calls the message and its parts.';
comment on column sends.conversation is 'Recipient as an HMAC, where the channel tells what was read: a word may be about all messages to him.';
comment on column sends.tried_at is 'When the newest try began, which is not after the provider''s own time of the message.';
create index sends_unread on sends (workspace, channel, account, conversation)
    where conversation is not null and state in ('sent', 'delivered');

create table watermarks (
    workspace text not null,
    channel text not null,
    account text not null,
    conversation text not null,
    state text not null,
    through timestamptz not null,
    at timestamptz not null,
    id uuid not null,
    trace text,
    kept_at timestamptz not null default now(),
    primary key (workspace, channel, account, conversation, state)
);
comment on table watermarks is 'How far a customer has read: what was sent by then and is recorded later moves up too.';
create index watermarks_age on watermarks (kept_at);
