-- A token orders for its account. An order keeps whether it had to wait for its time, so that a
-- repeated request gets the answer of the first one.
ALTER TABLE api_tokens ADD COLUMN account text NOT NULL DEFAULT 'default' REFERENCES accounts;
ALTER TABLE orders ADD COLUMN was_scheduled boolean NOT NULL DEFAULT false;
