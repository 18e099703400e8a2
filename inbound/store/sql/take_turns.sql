-- Sorted, so that two batches with several names in common don't wait for each other.
SELECT pg_advisory_xact_lock(hashtextextended('scserv turn ' || name, 0))
FROM (SELECT name FROM unnest(%(names)b::text[]) AS name ORDER BY name) AS sorted
