-- Lock level: ACCESS EXCLUSIVE on workspaces for a moment (no rewrite); SHARE on tickets while the index is built.
-- A ticket that is new to the queue asks only for itself: those behind which a reason stands could not be given out
-- before, and cannot now, unless somebody's room, presence or settings changed.
alter table workspaces add column news boolean not null default false; -- tickets wait that no match has looked at
create index tickets_unexplained on tickets (workspace, rank, enqueued_at, id)
    where place = 'waiting' and waiting_reason is null;
