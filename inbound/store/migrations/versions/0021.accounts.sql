-- What the management of accounts adds, and the language of clients.

-- By the account's rate a new message waits until `free_at`; changed in the transaction that
-- accepts, under the lock on the row.
ALTER TABLE accounts ADD COLUMN free_at timestamptz;
ALTER TABLE account_senders ADD COLUMN requested_by text;

-- Order templates have a text for each of these; NULL: not known.
ALTER TABLE clients ADD COLUMN language text CHECK (language IN ('ru', 'en'));

-- Messages to people outside the directory need a right that a person grants.
UPDATE accounts SET rights = array_remove(rights, 'strangers') WHERE account = 'default';
