-- Lock level: none that anybody waits for (new tables only).

-- People who sign in with a password. The hash is Argon2id's own text, which carries its parameters.
create table users (
    workspace text not null,
    id text not null,
    email text not null,
    name text not null,
    role text not null check (role in ('admin', 'lead', 'agent')),
    agent text,
    shops text[] not null default '{}',
    password text,
    disabled_at timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    last_signed_in timestamptz,
    primary key (workspace, id),
    unique (workspace, email)
);

-- A sign-in by password (user_id) or by API key (key_id), and all tokens that follow from it.
create table sessions (
    id text primary key,
    workspace text,
    user_id text,
    key_id text references api_keys (id) on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_why text,
    check ((user_id is null) <> (key_id is null)),
    foreign key (workspace, user_id) references users (workspace, id) on delete cascade
);
create index sessions_user on sessions (workspace, user_id) where user_id is not null and ended_at is null;
create index sessions_key on sessions (key_id) where key_id is not null;
create index sessions_expiry on sessions (expires_at);

-- Every refresh token of a session by its SHA-256; one that is spent stays, so that its second use is recognised.
create table refresh_tokens (
    session text not null references sessions (id) on delete cascade,
    hash bytea not null,
    spent_at timestamptz,
    primary key (session, hash)
);

-- Tries of passwords by what they are counted under, hashed, so that no stranger's e-mail address is kept here.
create table sign_in_tries (
    subject bytea primary key,
    tries int not null,
    began_at timestamptz not null
);
create index sign_in_tries_age on sign_in_tries (began_at);
