-- Messages by e-mail, by a bot, or through another channel than text messages.

-- Absent: an ordinary text message.
ALTER TABLE orders ADD COLUMN channel text;

-- Where the message of a channel goes, if not to the number; sealed. It goes with the text.
ALTER TABLE order_contents ADD COLUMN address bytea;

-- Where clients get messages of channels: an e-mail address, or the id of a chat. `hash` (keyed)
-- finds the client of an address.
CREATE TABLE client_addresses (
    client_id text  NOT NULL,
    channel   text  NOT NULL,
    sealed    bytea NOT NULL,
    hash      bytea NOT NULL,
    PRIMARY KEY (client_id, channel)
);

CREATE INDEX client_addresses_hash ON client_addresses (channel, hash);
