-- The first schema. Append-only: events, outbox. Deletable: everything that leads to a
-- person (subjects, clients, vault, mo_parts, parked) and everything with a time limit.

-- Positions are given under the log lock (lock_log): gap-free and in commit order.
-- One stream per subject, so the unique index is also the person's timeline. The type is
-- json, not jsonb: the bytes are relayed and digested exactly as they were given.
CREATE TABLE events (
    position       bigint      NOT NULL PRIMARY KEY,
    stream_id      uuid        NOT NULL,
    version        integer     NOT NULL CHECK (version > 0),
    type           text        NOT NULL,
    schema_version smallint    NOT NULL,
    data           json        NOT NULL,
    metadata       json        NOT NULL,
    -- clock_timestamp: rows are written under the log lock, so this follows position.
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (stream_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed or deleted';
END
$$;

CREATE TRIGGER events_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The folded state of each stream. A lost row is built again from the events.
-- No index beside the key, and room on the page: every update is HOT.
CREATE TABLE subject_states (
    stream_id     uuid     NOT NULL PRIMARY KEY,
    version       integer  NOT NULL,
    state_version smallint NOT NULL,
    state         json     NOT NULL
) WITH (fillfactor = 70);

-- The only place that links a number to a subject. Deleting the row erases the person.
CREATE TABLE subjects (
    subject_id    uuid        NOT NULL PRIMARY KEY,
    number_hash   bytea       NOT NULL UNIQUE,
    number_sealed bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- No index on the time: the sweep comes rarely and may read the whole table.
CREATE TABLE inbox (
    mo_id       uuid        NOT NULL PRIMARY KEY,
    received_at timestamptz NOT NULL
);

-- Insert-only, in partitions by day (UTC) made by maintain_outbox. The default partition
-- takes what no partition expects, so that no clock can make an insert fail. Positions come
-- from a sequence, also under the log lock: in commit order, and a rollback leaves a gap that
-- no reader minds. They outlive the partitions, which a max() would not.
CREATE SEQUENCE outbox_position;

CREATE TABLE outbox (
    position   bigint      NOT NULL DEFAULT nextval('outbox_position'),
    shard      smallint    NOT NULL,
    topic      text        NOT NULL,
    key        text,
    event_id   text        NOT NULL,
    type       text        NOT NULL,
    headers    json        NOT NULL,
    value      bytea,
    created_at timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (created_at);

CREATE INDEX outbox_shard_position ON outbox (shard, position);

CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;

CREATE TABLE outbox_cursors (
    feed     text     NOT NULL,
    shard    smallint NOT NULL,
    position bigint   NOT NULL,
    PRIMARY KEY (feed, shard)
) WITH (fillfactor = 10);

CREATE TABLE vault (
    message_id uuid        NOT NULL PRIMARY KEY,
    sealed     bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX vault_expires_at ON vault (expires_at);

CREATE TABLE mt_claims (
    message_id uuid        NOT NULL PRIMARY KEY,
    attempt    integer     NOT NULL,
    gateway    text        NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now()
);

-- Parts of concatenated messages that wait for the others.
CREATE TABLE mo_parts (
    bind        text        NOT NULL,
    number_hash bytea       NOT NULL,
    destination text        NOT NULL,
    reference   integer     NOT NULL,
    total       integer     NOT NULL,
    sequence    integer     NOT NULL,
    sealed      bytea       NOT NULL,
    data        json        NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (number_hash, destination, bind, reference, total, sequence)
);

CREATE TABLE parked (
    id           bigint      NOT NULL PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    reason       text        NOT NULL,
    sealed       bytea       NOT NULL,
    parked_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, partition, kafka_offset)
);

CREATE TABLE key_checks (
    name        text  NOT NULL PRIMARY KEY,
    fingerprint bytea NOT NULL
);

-- registration_digest is keyed too: it says whether a registration changed without opening it.
CREATE TABLE clients (
    number_hash         bytea       NOT NULL PRIMARY KEY,
    client_id           text        NOT NULL,
    number_sealed       bytea       NOT NULL,
    registration_sealed bytea       NOT NULL,
    registration_digest bytea       NOT NULL,
    updated_at          timestamptz NOT NULL DEFAULT now()
);

-- Makes the partitions of today and the next days, and drops those older than the retention
-- whose rows have all been relayed. Safe to repeat. It stops writers and relays for a moment
-- only when there is something to make or drop, and gives up rather than queue behind them.
CREATE FUNCTION maintain_outbox(
    retention_days integer, days_ahead integer, OUT created integer, OUT dropped integer
)
LANGUAGE plpgsql SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    day       date;
    today     constant date := current_date;
    last_kept constant date := current_date - retention_days;
    partition text;
    waiting   boolean;
BEGIN
    created := 0;
    dropped := 0;
    FOR day IN SELECT today + n FROM generate_series(0, days_ahead) AS n LOOP
        partition := to_char(day, '"outbox_"YYYYMMDD');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE;
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING DEFAULTS)', partition);
        EXECUTE format(
            'WITH strays AS (
                 DELETE FROM outbox_default
                 WHERE created_at >= %L::date AND created_at < %L::date RETURNING *
             ) INSERT INTO %I SELECT * FROM strays', day, day + 1, partition);
        EXECUTE format(
            'ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            partition, day::timestamptz, (day + 1)::timestamptz);
        created := created + 1;
    END LOOP;

    FOR partition IN
        SELECT child.relname
        FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = 'outbox'::regclass
          AND child.relname ~ '^outbox_[0-9]{8}$'
          AND to_date(right(child.relname, 8), 'YYYYMMDD') < last_kept
        ORDER BY child.relname
    LOOP
        EXECUTE format(
            'SELECT EXISTS (
                 SELECT FROM %I AS made
                 LEFT JOIN outbox_cursors AS done ON done.feed = ''outbox'' AND done.shard = made.shard
                 WHERE made.position > coalesce(done.position, 0))', partition) INTO waiting;
        CONTINUE WHEN waiting;
        EXECUTE format('DROP TABLE %I', partition);
        dropped := dropped + 1;
    END LOOP;

    DELETE FROM outbox_default AS stray USING outbox_cursors AS done
    WHERE done.feed = 'outbox' AND done.shard = stray.shard
      AND stray.position <= done.position AND stray.created_at < last_kept;
END
$$;
