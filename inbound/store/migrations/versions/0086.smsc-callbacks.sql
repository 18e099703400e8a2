-- Calls to URLs of accounts in the form of SMSC.
ALTER TABLE callback_urls ADD COLUMN form text NOT NULL DEFAULT 'scserv'
    CHECK (form IN ('scserv', 'smsc'));

-- By which id and phone a program of SMSC knows an order; only of accounts that are called in its form.
-- Sealed, because programs choose them.
CREATE TABLE smsc_ids (
    order_id uuid  NOT NULL PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    sealed   bytea NOT NULL
);
