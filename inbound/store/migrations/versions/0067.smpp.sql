-- What programs submit over SMPP, and what is delivered to them.

-- An id that a program was given, and the order that it is about. Without an order the message never
-- became complete, and `state` says so. `addresses` (sealed) are the two addresses as the program
-- wrote them, which a receipt has again; `comment` (sealed) is not sent, and `words` are keyed hashes
-- of its words. `digest` (keyed) recognises the same message, `link` the connection it came over.
-- `registered` says which receipts the program wants (SMPP 3.4, 5.2.17).
CREATE TABLE smpp_messages (
    message_id  bigint      NOT NULL PRIMARY KEY,
    account     text        NOT NULL,
    order_id    uuid,
    number_hash bytea,
    addresses   bytea,
    comment     bytea,
    words       bytea[],
    digest      bytea       NOT NULL,
    link        uuid        NOT NULL,
    registered  smallint    NOT NULL,
    parts       smallint    NOT NULL,
    state       text,
    created_at  timestamptz NOT NULL
);

CREATE INDEX smpp_messages_order ON smpp_messages (order_id);
CREATE INDEX smpp_messages_digest ON smpp_messages (digest, created_at);
CREATE INDEX smpp_messages_number ON smpp_messages (number_hash) WHERE number_hash IS NOT NULL;
CREATE INDEX smpp_messages_words ON smpp_messages USING gin (words) WHERE words IS NOT NULL;

-- Parts of long messages: those that wait for others, and for a few minutes those that became an
-- order, so that a part that is sent again is recognised. `pdu` is the sealed submit_sm.
CREATE TABLE smpp_parts (
    account     text        NOT NULL,
    parts_key   bytea       NOT NULL,
    sequence    smallint    NOT NULL,
    total       smallint    NOT NULL,
    message_id  bigint      NOT NULL,
    number_hash bytea       NOT NULL,
    addresses   bytea       NOT NULL,
    pdu         bytea,
    digest      bytea       NOT NULL,
    link        uuid        NOT NULL,
    registered  smallint    NOT NULL,
    order_id    uuid,
    arrived_at  timestamptz NOT NULL,
    PRIMARY KEY (account, parts_key, sequence)
);

CREATE INDEX smpp_parts_number ON smpp_parts (number_hash);
CREATE INDEX smpp_parts_arrived ON smpp_parts (arrived_at);

-- Receipts that a program has not acknowledged, in the order of their ids.
CREATE TABLE smpp_deliveries (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account    text        NOT NULL,
    message_id bigint      NOT NULL,
    state      text        NOT NULL,
    done_at    timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX smpp_deliveries_account ON smpp_deliveries (account, id);

-- The process that delivers to an account: one at a time, or their order would be lost.
CREATE TABLE smpp_receivers (
    account text        NOT NULL PRIMARY KEY,
    holder  uuid        NOT NULL,
    until   timestamptz NOT NULL
);

-- Whether a program that asked for these receipts wants one for an order in this state. Bits 0 and
-- 1: 1 any outcome, 2 failures, 3 success (SMPP 5.0, 4.7.21).
CREATE FUNCTION smpp_wants(registered smallint, state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT state NOT IN ('scheduled', 'queued', 'sent')
       AND CASE registered & 3
               WHEN 1 THEN true
               WHEN 2 THEN state <> 'delivered'
               WHEN 3 THEN state = 'delivered'
               ELSE false
           END
$$;

-- In the transaction of every statement that changes orders, whoever runs it.
CREATE FUNCTION add_smpp_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO smpp_deliveries (account, message_id, state, done_at)
    SELECT message.account, message.message_id, after_change.state, after_change.changed_at
    FROM after_change
    JOIN before_change USING (order_id)
    JOIN smpp_messages AS message USING (order_id)
    WHERE after_change.state <> before_change.state
      AND smpp_wants(message.registered, after_change.state)
    ORDER BY message.message_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER orders_changed_over_smpp AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION add_smpp_receipts();
