-- How many of those that list_parked chooses there are, and the last of them.
SELECT count(*), coalesce(max(id), 0)
FROM parked
WHERE (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
  AND (%(topic)s::text IS NULL OR topic = %(topic)s::text)
  AND (%(reason)s::text IS NULL OR position(lower(%(reason)s::text) IN lower(reason)) > 0)
