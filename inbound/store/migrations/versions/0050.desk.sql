-- The desk: people who sign in, their sessions, and failures to sign in.

CREATE TABLE desk_users (
    user_id         uuid        PRIMARY KEY,
    name            text        NOT NULL UNIQUE,
    -- What the audit names as the actor.
    actor           text        NOT NULL,
    password_hash   text        NOT NULL,
    roles           text[]      NOT NULL,
    created_at      timestamptz NOT NULL,
    password_set_at timestamptz NOT NULL,
    disabled_at     timestamptz
);

CREATE TABLE desk_sessions (
    session_id uuid        PRIMARY KEY,
    -- SHA-256 of the cookie and of the browser's name.
    digest     bytea       NOT NULL UNIQUE,
    browser    bytea       NOT NULL,
    user_id    uuid        NOT NULL REFERENCES desk_users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    used_at    timestamptz NOT NULL
);

CREATE INDEX desk_sessions_user ON desk_sessions (user_id);

-- Keyed hashes of account names and addresses; rows are deleted when their window is over.
CREATE TABLE desk_failures (
    key      bytea       PRIMARY KEY,
    failures integer     NOT NULL,
    since    timestamptz NOT NULL
);
