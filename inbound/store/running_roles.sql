-- Which roles run now, by the locks that their processes hold.

-- name: running_roles
-- A relay locks shards with two keys (try_lock_shard), a scheduler the pump of broadcasts with one
-- of 64 bits (try_lock_pump). The locks of all databases of the server are listed.
WITH held AS (
    SELECT classid, objid, objsubid FROM pg_locks
    WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
SELECT
    EXISTS (
        SELECT FROM held WHERE objsubid = 2
          AND classid = (hashtext('scserv relay outbox')::bigint & 4294967295)::oid
    ) AS relay,
    EXISTS (
        SELECT FROM held WHERE objsubid = 1
          AND classid = ((hashtext('scserv broadcasts')::bigint >> 32) & 4294967295)::oid
          AND objid = (hashtext('scserv broadcasts')::bigint & 4294967295)::oid
    ) AS scheduler

-- name: seen_roles
-- By the reports of processes (process_keys): how many of each role run, and when one reported last.
SELECT split_part(process, ' ', 1) AS role,
       count(*) FILTER (WHERE seen_at > now() - %(overdue)s::interval) AS running,
       extract(epoch FROM now() - max(seen_at))::float8 AS age_s
FROM process_keys WHERE seen_at > now() - interval '1 hour' GROUP BY 1 ORDER BY 1

-- name: silent_processes
SELECT process, extract(epoch FROM now() - seen_at)::float8 AS age_s
FROM process_keys
WHERE seen_at <= now() - %(overdue)s::interval AND seen_at > now() - %(alive)s::interval
ORDER BY process
