-- The policies by which each worker decides, as it reports them.

-- name: report_policies
INSERT INTO worker_policies (worker, policies, seen_at)
VALUES (%(worker)s, %(policies)s::jsonb, now())
ON CONFLICT (worker) DO UPDATE SET policies = excluded.policies, seen_at = excluded.seen_at

-- name: sweep_reports
DELETE FROM worker_policies WHERE seen_at < now() - interval '1 hour'

-- name: find_policies
-- Those of most workers first.
SELECT policies::text, array_agg(worker ORDER BY worker),
       extract(epoch FROM now() - max(seen_at))::float8
FROM worker_policies WHERE seen_at > now() - %(alive)s::interval
GROUP BY policies ORDER BY count(*) DESC, max(seen_at) DESC
