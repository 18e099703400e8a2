-- What several processes of the SMPP server have in common, and the error codes of receipts.

-- The links of all processes. `holder` is the process, which renews its rows; a link of a process
-- that was killed counts until its time is over. A row that is gone means that a newer bind of the
-- account ended the link. `submitted` is how many messages came over it in the last second.
CREATE TABLE smpp_links (
    link      uuid        NOT NULL PRIMARY KEY,
    account   text        NOT NULL,
    holder    uuid        NOT NULL,
    receives  boolean     NOT NULL,
    transmits boolean     NOT NULL,
    submitted real        NOT NULL DEFAULT 0,
    bound_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    until     timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX smpp_links_account ON smpp_links (account);

-- The SMS centre's own code of why a message was not delivered, as it wrote it.
ALTER TABLE orders ADD COLUMN error text;
ALTER TABLE smpp_deliveries ADD COLUMN error text;

CREATE OR REPLACE FUNCTION add_smpp_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO smpp_deliveries (account, message_id, state, done_at, error)
    SELECT message.account, message.message_id, after_change.state, after_change.changed_at,
           after_change.error
    FROM after_change
    JOIN before_change USING (order_id)
    JOIN smpp_messages AS message USING (order_id)
    WHERE after_change.state <> before_change.state
      AND smpp_wants(message.registered, after_change.state)
    ORDER BY message.message_id;
    RETURN NULL;
END
$$;
