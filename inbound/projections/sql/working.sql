-- Which works on which projections somebody holds (sql/try_lock.sql), here or elsewhere.
SELECT work, name
FROM unnest(%(names)s::text[]) AS name
CROSS JOIN unnest(ARRAY['projector', 'rebuild']) AS work
JOIN pg_locks ON locktype = 'advisory' AND granted AND objsubid = 2
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = (hashtext('scserv ' || work)::bigint & 4294967295)::oid
  AND objid = (hashtext(name)::bigint & 4294967295)::oid
