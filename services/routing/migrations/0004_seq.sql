-- Lock level: ACCESS EXCLUSIVE on workspaces for a moment (no rewrite).
-- Counts the transactions that held the workspace's lock: a process that has seen more knows that the database was
-- restored to an earlier state, even where its own log was not consumed any further since then.
alter table workspaces add column seq bigint not null default 0;
