-- Lock level: SHARE on quarantine while its index is built; readers go on, filing waits.
create table raw_blobs (
    key text primary key,
    expires_at timestamptz not null
);
comment on table raw_blobs is 'Bodies that are too large for a record, until they go as records of their topic do.';
create index raw_blobs_expiry on raw_blobs (expires_at);
create index quarantine_age on quarantine (filed_at);
