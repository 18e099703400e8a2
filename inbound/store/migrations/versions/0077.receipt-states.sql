-- What an SMS centre said had become of a message: its own word, where ours is coarser.

-- The state in the receipt that decided the outcome; absent without one.
ALTER TABLE orders ADD COLUMN receipt text;
ALTER TABLE smpp_deliveries ADD COLUMN receipt text;

CREATE OR REPLACE FUNCTION add_smpp_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO smpp_deliveries (account, message_id, state, done_at, error, receipt)
    SELECT message.account, message.message_id, after_change.state, after_change.changed_at,
           after_change.error, after_change.receipt
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
