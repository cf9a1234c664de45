-- Lock level: none that anybody waits for (new tables only).
-- Identities of people who were erased, as HMACs: requests of theirs that nobody could read are not kept either.
create table tombstones (
    workspace text not null,
    hmac text not null,
    before timestamptz not null,
    primary key (workspace, hmac)
);

-- Raw records in which such an identity stood: accounted for, and not kept.
create table erased_requests (
    workspace text not null,
    id uuid not null,
    primary key (workspace, id)
);
create index erased_requests_id on erased_requests (id);
