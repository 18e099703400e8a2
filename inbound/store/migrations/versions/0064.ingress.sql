-- How the programs of an account sign in at the ingress, and the numbers that it gives to messages.

-- Verifiers are keyed hashes: without the service's key nobody can try passwords against them.
CREATE TABLE account_credentials (
    account           text        NOT NULL PRIMARY KEY REFERENCES accounts,
    login             text        NOT NULL UNIQUE,
    password_verifier bytea       NOT NULL,
    key_verifier      bytea       NOT NULL,
    service_verifier  bytea       NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT now()
);

-- A process takes a hundred numbers at a time.
CREATE SEQUENCE ingress_numbers AS bigint START 100000 INCREMENT BY 100;
