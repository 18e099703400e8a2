-- Digest chains over the log (schemas/chain.py says what a digest covers). Events from before
-- have none: they are a prefix of the log and stay so.
ALTER TABLE events ADD COLUMN chain smallint, ADD COLUMN digest bytea;

-- The newest event of each chain, in the order of the chains, moved in the transaction that
-- appends. One row: eight would take longer while everybody waits.
CREATE TABLE log_heads (
    only_row  boolean  NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    positions bigint[] NOT NULL,
    digests   bytea[]  NOT NULL
);

-- 0 and zeros: a chain that has no event yet.
INSERT INTO log_heads (positions, digests)
VALUES (array_fill(0::bigint, ARRAY[8]), array_fill(decode(repeat('00', 32), 'hex'), ARRAY[8]));

-- A process of an older version would append without digests. It is told "not now"
-- (cannot_connect_now), tries again and waits in Kafka until it is upgraded. A CHECK costs
-- nothing, and unlike a row trigger it leaves COPY its batches.
CREATE FUNCTION refuse_undigested() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('scserv.importing', true) = 'on' THEN
        RETURN true;  -- an exported log may begin with events from before the chains
    END IF;
    RAISE EXCEPTION 'this log takes events with digests: upgrade the process that writes'
        USING ERRCODE = 'cannot_connect_now';
END
$$;

ALTER TABLE events ADD CONSTRAINT events_have_digests
    CHECK ((chain IS NOT NULL AND digest IS NOT NULL) OR refuse_undigested()) NOT VALID;
