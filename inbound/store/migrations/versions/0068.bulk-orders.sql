-- Whether the message of an order goes in the lane of broadcasts, behind those of single messages:
-- one of many that a program submits at once.
ALTER TABLE orders ADD COLUMN is_bulk boolean NOT NULL DEFAULT false;
