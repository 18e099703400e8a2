-- Parts are joined across the binds of one SMS centre, so the key has the centre instead of the
-- bind, and the last digits of the number that was texted, because binds write it differently.
-- Parts that wait during the upgrade get the centre that their bind was last reported with.
ALTER TABLE mo_parts RENAME COLUMN bind TO centre;
-- A part may be stored long after it arrived. It waits for the others from then on.
ALTER TABLE mo_parts ADD COLUMN stored_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE mo_parts DROP CONSTRAINT mo_parts_pkey;
UPDATE mo_parts AS part SET
    centre = coalesce((
        SELECT bind.state->>'centre' FROM bind_presence AS bind
        WHERE bind.bind = part.centre ORDER BY bind.seen_at DESC LIMIT 1
    ), 'main'),
    destination = CASE
        WHEN destination ~ '^\+?[0-9]+$' THEN right(ltrim(destination, '+'), 10)
        ELSE destination
    END;
-- A part that two binds delivered is kept once.
DELETE FROM mo_parts WHERE ctid IN (
    SELECT ctid FROM (
        SELECT ctid, row_number() OVER (
            PARTITION BY number_hash, destination, centre, reference, total, sequence, whole
            ORDER BY received_at DESC
        ) AS copy
        FROM mo_parts
    ) AS part
    WHERE copy > 1
);
ALTER TABLE mo_parts ADD PRIMARY KEY (
    number_hash, destination, centre, reference, total, sequence, whole
);
