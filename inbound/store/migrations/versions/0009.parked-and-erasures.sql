-- Parked messages get all that is needed to publish them again, and a limit.

-- feed: where it was read. 'kafka': topic, partition, offset. 'outbox' and 'events', of the
-- relay: partition is the shard, kafka_offset the position, topic where it should have gone.
-- part: which message of a record that holds many. retried: how often it was published again
-- before. number_hash: whose it is, as far as that is known.
ALTER TABLE parked
    ADD COLUMN feed        text     NOT NULL DEFAULT 'kafka',
    ADD COLUMN part        smallint NOT NULL DEFAULT 0,
    ADD COLUMN retried     integer  NOT NULL DEFAULT 0,
    ADD COLUMN number_hash bytea,
    ADD COLUMN size        integer  NOT NULL GENERATED ALWAYS AS (octet_length(sealed)) STORED,
    DROP CONSTRAINT parked_topic_partition_kafka_offset_key,
    ADD CONSTRAINT parked_place UNIQUE (topic, partition, kafka_offset, part, feed);

-- What is parked, counted: whoever parks looks here and not through the table. One row.
CREATE TABLE parked_usage (
    sole  boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (sole),
    rows  bigint  NOT NULL,
    bytes bigint  NOT NULL
) WITH (fillfactor = 10);

INSERT INTO parked_usage (rows, bytes) SELECT count(*), coalesce(sum(size), 0) FROM parked;

CREATE FUNCTION count_parked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parked_usage AS usage
    SET rows = usage.rows + change.rows, bytes = usage.bytes + change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE change.rows > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_unparked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE parked_usage AS usage
    SET rows = usage.rows - change.rows, bytes = usage.bytes - change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE change.rows > 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER parked_are_counted AFTER INSERT ON parked
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_parked();

CREATE TRIGGER unparked_are_counted AFTER DELETE ON parked
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_unparked();

-- The record of each erasure: what was removed, by table. Never a number; `reason` is
-- checked before it comes here.
CREATE TABLE erasures (
    id         bigint      NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    erased_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor      text        NOT NULL,
    reason     text        NOT NULL,
    subject_id uuid,
    removed    json        NOT NULL
);

CREATE TRIGGER erasures_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
