-- A message that can't be processed is a dead letter, everywhere.
ALTER TABLE parked RENAME TO dead_letters;
ALTER TABLE dead_letters RENAME COLUMN parked_at TO stored_at;
ALTER TABLE dead_letters RENAME CONSTRAINT parked_pkey TO dead_letters_pkey;
ALTER TABLE dead_letters RENAME CONSTRAINT parked_place TO dead_letters_source;
ALTER SEQUENCE parked_id_seq RENAME TO dead_letters_id_seq;
ALTER TRIGGER parked_are_counted ON dead_letters RENAME TO stored_are_counted;
ALTER TRIGGER unparked_are_counted ON dead_letters RENAME TO removed_are_counted;

ALTER TABLE parked_usage RENAME TO dead_letter_usage;
ALTER TABLE dead_letter_usage RENAME CONSTRAINT parked_usage_pkey TO dead_letter_usage_pkey;
ALTER TABLE dead_letter_usage RENAME CONSTRAINT parked_usage_sole_check TO dead_letter_usage_sole_check;

ALTER FUNCTION count_parked() RENAME TO count_stored_dead_letters;
ALTER FUNCTION count_unparked() RENAME TO count_removed_dead_letters;

-- The text of a function names its tables.
CREATE OR REPLACE FUNCTION count_stored_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dead_letter_usage AS usage
    SET rows = usage.rows + change.rows, bytes = usage.bytes + change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE change.rows > 0;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION count_removed_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE dead_letter_usage AS usage
    SET rows = usage.rows - change.rows, bytes = usage.bytes - change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE change.rows > 0;
    RETURN NULL;
END
$$;
