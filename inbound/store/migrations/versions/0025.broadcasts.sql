-- Broadcasts, their recipients, and their progress.

-- `cursor_no` is the number of the last recipient whose order was placed. The text is sealed, as
-- it may name people. `recipients` and `excluded` are the counts of the audience as it was loaded.
ALTER TABLE broadcasts
    ADD COLUMN name               text        NOT NULL DEFAULT '',
    ADD COLUMN account            text        NOT NULL DEFAULT 'default',
    ADD COLUMN text_sealed        bytea,
    ADD COLUMN template           text,
    ADD COLUMN template_version   integer,
    ADD COLUMN sender             text,
    ADD COLUMN hours              json,
    ADD COLUMN is_spread          boolean     NOT NULL DEFAULT false,
    ADD COLUMN rate_per_s         integer     CHECK (rate_per_s > 0),
    ADD COLUMN columns            text[]      NOT NULL DEFAULT '{}',
    ADD COLUMN recipients         integer     NOT NULL DEFAULT 0,
    ADD COLUMN excluded           json        NOT NULL DEFAULT '{}',
    ADD COLUMN cursor_no          integer     NOT NULL DEFAULT 0,
    ADD COLUMN created_by         text        NOT NULL DEFAULT '',
    ADD COLUMN started_by         text,
    ADD COLUMN approved_by        text,
    ADD COLUMN starts_at          timestamptz,
    ADD COLUMN needs_confirmation boolean     NOT NULL DEFAULT false,
    ADD COLUMN began_at           timestamptz,
    ADD COLUMN ended_at           timestamptz,
    ADD COLUMN problem            text,
    ADD COLUMN audience_deleted_at timestamptz;

-- Few broadcasts are at work at a time, and the scheduler looks for them all the time.
CREATE INDEX broadcasts_at_work ON broadcasts (broadcast_id)
    WHERE state IN ('scheduled', 'running') OR state = 'cancelled' AND ended_at IS NULL;

-- The audience in the order of sending. The number is sealed as in `clients`, so that an audience
-- of clients is copied without opening it. The second index is for erasures.
CREATE TABLE broadcast_recipients (
    broadcast_id  uuid    NOT NULL,
    no            integer NOT NULL,
    number_hash   bytea   NOT NULL,
    number_sealed bytea   NOT NULL,
    fields_sealed bytea,
    PRIMARY KEY (broadcast_id, no)
);

CREATE INDEX broadcast_recipients_number ON broadcast_recipients (number_hash);

-- Rows of an audience that get no message, and why: `reason` is counted, `detail` is for people and
-- quotes nothing. `row_sealed` is what the row held, and the number is known only if it could be
-- read.
CREATE TABLE broadcast_exclusions (
    broadcast_id  uuid    NOT NULL,
    row_no        integer NOT NULL,
    reason        text    NOT NULL,
    detail        text    NOT NULL,
    number_hash   bytea,
    number_sealed bytea,
    row_sealed    bytea,
    PRIMARY KEY (broadcast_id, row_no)
);

CREATE INDEX broadcast_exclusions_number ON broadcast_exclusions (number_hash)
    WHERE number_hash IS NOT NULL;

-- How many recipients are in which state, as changes to be added up: transactions that change
-- orders of one broadcast don't wait for each other. The scheduler replaces many rows by their sum.
CREATE TABLE broadcast_progress (
    broadcast_id uuid    NOT NULL,
    state        text    NOT NULL,
    recipients   integer NOT NULL
);

CREATE INDEX broadcast_progress_broadcast ON broadcast_progress (broadcast_id);

-- `open`: on its way, or waiting for its time; `held`: came back because its broadcast is paused.
CREATE FUNCTION progress_state(state text, due_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN state = 'scheduled' AND due_at IS NULL THEN 'held'
        WHEN state IN ('scheduled', 'queued') THEN 'open'
        ELSE state
    END
$$;

-- In the transaction of every statement that places or changes orders, whoever runs it.
CREATE FUNCTION count_placed_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO broadcast_progress (broadcast_id, state, recipients)
    SELECT broadcast_id, progress_state(state, due_at), count(*)
    FROM placed WHERE broadcast_id IS NOT NULL
    GROUP BY broadcast_id, progress_state(state, due_at);
    RETURN NULL;
END
$$;

CREATE FUNCTION count_changed_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO broadcast_progress (broadcast_id, state, recipients)
    SELECT broadcast_id, state, sum(change)
    FROM (
        SELECT broadcast_id, progress_state(state, due_at) AS state, 1 AS change FROM after_change
        WHERE broadcast_id IS NOT NULL
        UNION ALL
        SELECT broadcast_id, progress_state(state, due_at), -1 FROM before_change
        WHERE broadcast_id IS NOT NULL
    ) AS changes
    GROUP BY broadcast_id, state
    HAVING sum(change) <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER orders_placed AFTER INSERT ON orders
    REFERENCING NEW TABLE AS placed
    FOR EACH STATEMENT EXECUTE FUNCTION count_placed_recipients();

CREATE TRIGGER orders_changed AFTER UPDATE ON orders
    REFERENCING OLD TABLE AS before_change NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_recipients();
