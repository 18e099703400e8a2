-- Who looked behind a subject and why. Insert-only, like the events; never a number or a
-- secret: `reason` is checked before it comes here.
CREATE TABLE audit (
    id         bigint      NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text        NOT NULL,
    action     text        NOT NULL,
    subject_id uuid,
    request_id uuid,
    reason     text        NOT NULL
);

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% rows are never changed or deleted', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Texts that made no request: when, from whom, which kind of miss. Never the text, and for
-- some days only. One row for each number, kind and minute of arrival, so that a flood from
-- one number is one row; add_misses bounds the rows of all numbers. What was left
-- out is counted in rows without a number (an empty hash).
CREATE TABLE misses (
    number_hash bytea       NOT NULL,
    minute      timestamptz NOT NULL,
    kind        text        NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    count       bigint      NOT NULL,
    PRIMARY KEY (number_hash, minute, kind)
);

CREATE INDEX misses_minute ON misses (minute);
