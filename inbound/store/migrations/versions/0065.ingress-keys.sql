-- A program may name its account by its key alone.
CREATE UNIQUE INDEX account_credentials_key ON account_credentials (key_verifier);
