-- Lock level: access exclusive on tickets for a moment (a new column without a default); a new table.

-- Copies of orders as order-events tell them, the newest version of each: what a ticket about one is due by.
create table orders (
    workspace text not null,
    id uuid not null,
    shop text,
    number text not null,
    version int not null,
    placed_at timestamptz not null,
    fulfilment text not null,
    cut_off_at timestamptz,
    primary key (workspace, id)
);
create index orders_number on orders (workspace, number);

alter table tickets add column due_by timestamptz;
