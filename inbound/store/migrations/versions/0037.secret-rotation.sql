-- The secret of a URL before the last rotation: calls are signed with both until `previous_until`.
ALTER TABLE callback_urls ADD COLUMN previous_secret bytea, ADD COLUMN previous_until timestamptz;
