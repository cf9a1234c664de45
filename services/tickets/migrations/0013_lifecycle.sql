-- Lock level: access exclusive on tickets for a moment (a new column); one look over pending tickets.

-- Since when the customer is waited for: from the newest answer on.
alter table tickets add column pending_since timestamptz;
update tickets set pending_since = active_at where state = 'pending';
create index tickets_solving on tickets (workspace, pending_since) where state = 'pending';
