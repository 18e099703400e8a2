-- Whether the price of an order and its place in the limits were given back, because it ended
-- without having been submitted.
ALTER TABLE orders ADD COLUMN refunded boolean NOT NULL DEFAULT false;
