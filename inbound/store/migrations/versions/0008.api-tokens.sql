-- Who may ask the HTTP API. A token itself is nowhere: `digest` is its SHA-256.
CREATE TABLE api_tokens (
    token_id     uuid        NOT NULL PRIMARY KEY,
    name         text        NOT NULL,
    digest       bytea       NOT NULL UNIQUE,
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
) WITH (fillfactor = 50);

-- The audit names a token by its name: a name is used again only after a revocation.
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_at IS NULL;

-- From a client to the numbers, where it was always from a number to the client.
CREATE INDEX clients_client_id ON clients (client_id);
