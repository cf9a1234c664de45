-- Lock level: access exclusive on erasures for a moment (a new column, no rewrite); one look over messages.

-- Where the files of a person lie whose identities are unlinked already; emptied once the files are gone.
alter table erasures add column prefixes text[] not null default '{}';

-- Persons beside the requester who wrote on a ticket: an erasure finds everything a person wrote through his tickets
-- and these, so that messages need no index by person.
create table participants (
    workspace text not null,
    person uuid not null,
    ticket uuid not null,
    primary key (workspace, person, ticket)
);
insert into participants
    select distinct m.workspace, m.person, m.ticket
    from messages m join tickets t on t.workspace = m.workspace and t.id = m.ticket where m.person <> t.person;
