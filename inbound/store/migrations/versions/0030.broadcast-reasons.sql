-- Why recipients of a broadcast were refused or withheld is counted with them. '' is no reason, or
-- one of before this column.
ALTER TABLE broadcast_progress ADD COLUMN reason text NOT NULL DEFAULT '';

-- A reason stays in an order when it is sent after all, so it counts with these states only.
CREATE FUNCTION progress_reason(state text, reason text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN state IN ('refused', 'withheld') THEN coalesce(reason, '') ELSE '' END
$$;

CREATE OR REPLACE FUNCTION count_placed_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO broadcast_progress (broadcast_id, state, reason, recipients)
    SELECT broadcast_id, progress_state(state, due_at), progress_reason(state, reason), count(*)
    FROM placed WHERE broadcast_id IS NOT NULL
    GROUP BY broadcast_id, progress_state(state, due_at), progress_reason(state, reason);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION count_changed_recipients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO broadcast_progress (broadcast_id, state, reason, recipients)
    SELECT broadcast_id, state, reason, sum(change)
    FROM (
        SELECT broadcast_id, progress_state(state, due_at) AS state,
               progress_reason(state, reason) AS reason, 1 AS change
        FROM after_change WHERE broadcast_id IS NOT NULL
        UNION ALL
        SELECT broadcast_id, progress_state(state, due_at), progress_reason(state, reason), -1
        FROM before_change WHERE broadcast_id IS NOT NULL
    ) AS changes
    GROUP BY broadcast_id, state, reason
    HAVING sum(change) <> 0;
    RETURN NULL;
END
$$;

-- The SMS parts of all recipients, and of the longest text. NULL for older broadcasts.
ALTER TABLE broadcasts
    ADD COLUMN parts      bigint,
    ADD COLUMN most_parts smallint;
