-- The place of the rebuilt table becomes that of the live one.
WITH shadow AS (
    DELETE FROM projections.progress
    WHERE name = %(name)s AND place = 'projections_shadow' RETURNING version, position
)
INSERT INTO projections.progress (name, place, version, position)
SELECT %(name)s, 'projections', version, position FROM shadow
ON CONFLICT (name, place) DO UPDATE SET version = excluded.version, position = excluded.position
