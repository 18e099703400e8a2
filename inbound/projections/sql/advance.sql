-- Fewer rows than names: somebody else has moved one of them, or has put a table of another
-- version in its place.
UPDATE projections.progress AS stored SET position = %(until)s
FROM unnest(%(names)s::text[], %(versions)s::integer[]) AS given (name, version)
WHERE stored.name = given.name AND stored.version = given.version
  AND stored.place = %(place)s AND stored.position = %(after)s
