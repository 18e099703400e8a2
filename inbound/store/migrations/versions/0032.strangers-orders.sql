-- The hash of the number of an order that was refused and has no subject: nobody is remembered to
-- whom nothing may be sent, but their timeline tells of the order as long as its row is kept.
ALTER TABLE orders ADD COLUMN stranger_hash bytea;

CREATE INDEX orders_stranger ON orders (stranger_hash, created_at)
    WHERE stranger_hash IS NOT NULL;
