-- Lock level: none that anybody waits for (new tables only).

-- Settings documents in their newest version; a deletion is a version too and stays.
create table settings (
    workspace text not null,
    kind text not null,
    id text not null,
    version int not null check (version >= 1),
    document jsonb not null,
    deleted boolean not null default false,
    updated_by text not null,
    updated_at timestamptz not null,
    primary key (workspace, kind, id),
    check (kind <> 'workspace' or id = workspace)
);
-- A webhook's address names only the account, so its id is unique in the installation; a deleted one stays with its
-- workspace, since records of both would otherwise stand side by side on the compacted topic.
create unique index settings_account_id on settings (id) where kind = 'account';

-- Every version there ever was. `recovered`: read back from the topic after the database was restored to an earlier
-- state; versions between it and the one before are lost.
create table settings_history (
    workspace text not null,
    kind text not null,
    id text not null,
    version int not null check (version >= 1),
    document jsonb not null,
    deleted boolean not null,
    updated_by text not null,
    updated_at timestamptz not null,
    recovered boolean not null default false,
    primary key (workspace, kind, id, version)
);

-- API keys without their secrets; workspace null: the installation's own. Revoked ones stay, so that whatever names
-- them as its author can still be read.
create table api_keys (
    id text primary key,
    workspace text,
    role text not null,
    agent text,
    shops text[] not null default '{}',
    hash bytea not null,
    label text not null default '',
    created_by text not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    last_used timestamptz,
    check ((role = 'installation') = (workspace is null))
);
create index api_keys_workspace on api_keys (workspace, id) where revoked_at is null;
