-- Lock level: access exclusive on cycles, while its new column and indexes are made.

-- Since when nothing of the cycle is left to answer, where it has no reply.
alter table cycles add column voided_at timestamptz;
drop index cycles_waiting;
drop index cycles_closed_unanswered;
create index cycles_waiting on cycles (workspace, started_at)
    where replied_at is null and ended_at is null and voided_at is null;
create index cycles_closed_unanswered on cycles (workspace, ended_at)
    where replied_at is null and ended_at is not null and voided_at is null;
create index cycles_void on cycles (workspace, voided_at) where voided_at is not null;

-- What was handled before is handled again, from the beginning of the log: its facts are there, how they stand is not.
delete from inbox where grp like 'metrics.%';
delete from consumed where grp like 'metrics.%';
