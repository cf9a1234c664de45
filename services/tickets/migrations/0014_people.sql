-- Lock level: access exclusive on persons, tickets and messages for a moment (new columns, no rewrite); share on
-- persons, identities and tickets while their new indexes are made, of which those on tickets hold no row yet.

-- Persons are merged by pointing: `merged_into` is who took one over, `root` the end of the chain (null: itself).
-- Identities and messages stay with their own person, so that a merge is undone by taking the pointer away.
alter table persons
    add column merged_into uuid,
    add column root uuid,
    add column merged_at timestamptz,
    add column zone text,
    add column preference text,
    add column tags text[] not null default '{}',
    add column notes text,
    add column organisation uuid;
create index persons_root on persons (workspace, root) where root is not null;
create index persons_organisation on persons (workspace, organisation) where organisation is not null;
create index identities_domain on identities (workspace, lower(split_part(value, '@', 2)))
    where kind = 'email' and verified;

-- The requester's own person where `person` is the one he was merged into; null where they are the same.
alter table tickets add column side uuid;
create index tickets_side on tickets (workspace, side) where side is not null;
create index tickets_merged on tickets (workspace, merged_into) where merged_into is not null;
create index tickets_merged_person on tickets (workspace, person, active_at desc) where merged_into is not null;

-- Which fields of a person or an organisation were changed at which version, by whom; never what they held.
create table field_changes (
    workspace text not null,
    subject uuid not null,
    version int not null,
    fields text[] not null,
    by text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (workspace, subject, version)
);

create table organisations (
    workspace text not null,
    id uuid not null,
    name text not null,
    tags text[] not null default '{}',
    notes text,
    version int not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace, id)
);
create index organisations_name on organisations (workspace, lower(name), id);

-- Whoever proves an address of this mail domain belongs to the organisation.
create table organisation_domains (
    workspace text not null,
    domain text not null,
    organisation uuid not null,
    primary key (workspace, domain)
);
create index organisation_domains_of on organisation_domains (workspace, organisation);

-- Two persons who may be one, and why; `state` is open, dismissed or accepted.
create table suggestions (
    workspace text not null,
    id uuid not null,
    first uuid not null,
    second uuid not null,
    why text not null,
    state text not null default 'open',
    at timestamptz not null default clock_timestamp(),
    decided_by text,
    decided_at timestamptz,
    primary key (workspace, id)
);
create unique index suggestions_pair on suggestions (workspace, least(first, second), greatest(first, second), why)
    where state = 'open';
create index suggestions_open on suggestions (workspace, at desc, id desc) where state = 'open';

-- Codes that were sent to contacts: an HMAC of each, never the code.
create table verifications (
    workspace text not null,
    id uuid not null,
    person uuid not null,
    kind text not null,
    scope text not null,
    value text not null,
    code bytea not null,
    message uuid not null,
    ticket uuid not null,
    sent_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    tries int not null default 0,
    outcome text,
    by text,
    primary key (workspace, id)
);
create index verifications_person on verifications (workspace, person, sent_at desc);
create index verifications_contact on verifications (workspace, kind, scope, value, sent_at desc);

-- An agent's word that a conversation's customer is who he says, with the reason.
create table overrides (
    workspace text not null,
    ticket uuid not null,
    by text not null,
    reason text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (workspace, ticket)
);

-- What a merge of tickets changed on the one that it went into, so that undoing gives back exactly that.
create table ticket_merges (
    workspace text not null,
    ticket uuid not null,
    into_ticket uuid not null,
    at timestamptz not null,
    was_start timestamptz not null,
    was_clock text not null,
    was_state text not null,
    was_solved_at timestamptz,
    was_pending_since timestamptz,
    snoozed_until timestamptz,
    waits_since timestamptz,
    counts boolean not null,
    cycle int not null,
    own_start timestamptz not null,
    own_clock text not null,
    own_state text not null,
    own_solved_at timestamptz,
    own_pending_since timestamptz,
    into_version int not null,
    by text not null,
    primary key (workspace, ticket)
);
create index ticket_merges_into on ticket_merges (workspace, into_ticket);

-- The ticket that a message was split off from.
alter table messages add column split_from uuid;
