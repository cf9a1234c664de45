-- Lock level: none, creates a table that nothing uses yet.
create table quarantine (
    number bigint generated always as identity primary key,
    workspace text not null,
    id uuid not null,
    shop text,
    channel text not null,
    account text not null,
    reason text not null,
    detail text not null,
    headers jsonb not null,
    body bytea not null,
    blob text,
    received_at timestamptz not null,
    filed_at timestamptz not null default now(),
    unique (workspace, id)
);
comment on table quarantine is 'Accepted requests that no parser could read, with the reason; id is the raw record''s.';
comment on column quarantine.number is 'Order of filing; the cursor of the list.';
comment on column quarantine.blob is 'Key of the body in the blob store where it was too large for a record; body is empty then.';
create index quarantine_list on quarantine (workspace, number desc);
create index quarantine_id on quarantine (id);
