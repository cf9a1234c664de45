-- Lock level: access exclusive on messages and persons for a moment (new columns, no rewrite).

-- Where a customer wrote from, so that an answer goes back there.
alter table messages add column sender_kind text, add column sender_scope text, add column sender_value text,
    add column sender_name text, add column thread text;

-- What an agent wrote, which cycle it answers, and how far it came (definitions.md, "Delivery of messages").
alter table messages add column written_by text, add column note boolean not null default false,
    add column cycle int, add column cycle_started_at timestamptz,
    add column delivery text, add column delivery_version int not null default 0, add column delivery_at timestamptz,
    add column delivery_reason text, add column replied_at timestamptz;

-- Counts the states of a person that were told on `contacts`.
alter table persons add column version int not null default 0;

-- How far messages came that are not here (yet): after a restore notify knows more than this database.
create table early_deliveries (
    workspace text not null,
    message uuid not null,
    version int not null,
    record bytea not null,
    trace text,
    primary key (workspace, message, version)
);
