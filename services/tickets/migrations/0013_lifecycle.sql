-- Lock level: access exclusive on tickets and messages for a moment (new columns, no rewrite) and while their indexes
-- are made; one look over pending tickets.

-- Since when the customer is waited for: from the newest answer on.
alter table tickets add column pending_since timestamptz;
update tickets set pending_since = active_at where state = 'pending';
create index tickets_solving on tickets (workspace, pending_since) where state = 'pending';

-- Who got a message beside its recipient, and may read what is answered: addresses, found again when one is erased.
alter table messages add column copied jsonb not null default '[]';
create index messages_copied on messages using gin (copied jsonb_path_ops) where copied <> '[]';

-- Who was named in a note, by name or as one of a team, and when he read it.
create table mentions (
    workspace text not null,
    agent text not null,
    message uuid not null,
    ticket uuid not null,
    team text,
    at timestamptz not null,
    read_at timestamptz,
    primary key (workspace, agent, message)
);
create index mentions_newest on mentions (workspace, agent, at desc, message desc);
create index mentions_unread on mentions (workspace, agent, at desc, message desc) where read_at is null;

-- One customer's tickets, by when they began: his timeline over all of them.
create index tickets_person_opened on tickets (workspace, person, opened_at);
create index participants_ticket on participants (workspace, ticket);
