-- A claim keeps the final result of its attempt, so that another gateway knows it without Kafka
-- and without the worker, and counts the attempts of the current hour. Room in each page lets an
-- update stay there, without a new index entry.
ALTER TABLE mt_claims
    ADD COLUMN result json,
    ADD COLUMN hour_began timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN hour_attempts integer NOT NULL DEFAULT 1;
ALTER TABLE mt_claims SET (fillfactor = 50);
