-- Lock level: access exclusive on persons, messages and tickets, while their new columns and indexes are made.

-- The last language a person's text was clearly in; `language` is what he or his client chose.
alter table persons add column spoken text;

-- The ticket's version after the message, and what the message did to it: a timeline's order and its story.
alter table messages add column version int not null default 0;
alter table messages add column did text not null default 'added';
drop index messages_ticket;
create index messages_ticket on messages (workspace, ticket, accepted_at, version);
drop index messages_natural; -- an id is made from channel, account and natural id: the primary key finds it

-- One index for each list of the API: newest activity first within each state.
drop index tickets_active, tickets_person, tickets_order, tickets_closing;
create index tickets_state on tickets (workspace, state, active_at desc, id desc);
create index tickets_shop on tickets (workspace, shop, state, active_at desc, id desc);
create index tickets_channel on tickets (workspace, channel, state, active_at desc, id desc);
create index tickets_person on tickets (workspace, person, state, active_at desc, id desc);
create index tickets_assignee on tickets (workspace, assignee, active_at desc, id desc) where assignee is not null;
create index tickets_closing on tickets (workspace, solved_at) where state = 'solved';

-- All of routing's events about a ticket that has not arrived, not only the newest: each is a version and a line.
drop table early_routing;
create table early_routing (
    workspace text not null,
    ticket uuid not null,
    version int not null,
    record bytea not null,
    trace text,
    primary key (workspace, ticket, version)
);
