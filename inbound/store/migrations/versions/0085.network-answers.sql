-- What the network told about the number of an order that did not come over SMPP (channel hlr): sealed
-- by the gateway, in the context of the number's hash.
CREATE TABLE network_answers (
    order_id    uuid  NOT NULL PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
    number_hash bytea NOT NULL,
    answer      bytea NOT NULL
);

CREATE INDEX network_answers_number ON network_answers (number_hash);
