-- From where programs of accounts have signed in, so that guesses of others don't keep them out
-- after a restart, or in another process.

-- `client` is an IPv4 address or an IPv6 /64. A few of each account, the latest ones; new credentials
-- forget them.
CREATE TABLE account_clients (
    account text        NOT NULL REFERENCES accounts,
    client  cidr        NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (account, client)
);
