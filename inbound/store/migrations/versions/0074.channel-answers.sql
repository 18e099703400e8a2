-- What comes back from channels to programs over SMPP.

-- What the network told about the number of a message (channel hlr): sealed by the gateway, in the
-- context of the number's hash.
ALTER TABLE smpp_messages ADD COLUMN answer bytea;

-- A mail, or a message in a chat, is `sent` in the end: nobody reports more. Its program gets that
-- as a receipt.
CREATE OR REPLACE FUNCTION add_smpp_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO smpp_deliveries (account, message_id, state, done_at, error)
    SELECT message.account, message.message_id, after_change.state, after_change.changed_at,
           after_change.error
    FROM after_change
    JOIN before_change USING (order_id)
    JOIN smpp_messages AS message USING (order_id)
    WHERE after_change.state <> before_change.state
      AND (smpp_wants(message.registered, after_change.state)
           OR (after_change.channel IN ('mail', 'bot') AND after_change.state = 'sent'
               AND message.registered & 3 IN (1, 3)))
    ORDER BY message.message_id;
    RETURN NULL;
END
$$;
