-- Lock level: none that anybody waits for (a new table only).
-- How far each mailbox was read: everything up to last_uid is on the bus.
create table mailboxes (
    workspace text not null,
    account text not null,
    mailbox text not null,
    uid_validity bigint not null,
    last_uid bigint not null,
    read_at timestamptz not null default now(),
    primary key (workspace, account)
);
comment on column mailboxes.mailbox is 'server, user and folder: another one is read from its beginning';
