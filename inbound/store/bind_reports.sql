-- Binds as their gateways report them.

-- name: report_bind
-- A bind says how it is. The time is the database's, so that machines whose clocks differ agree
-- on who is alive.
INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at)
VALUES (%(account)s, %(bind)s, %(gateway)s, %(sends)s, %(state)s::json, now())
ON CONFLICT (account, bind, gateway) DO UPDATE
SET sends = excluded.sends, state = excluded.state, seen_at = excluded.seen_at

-- name: count_sharing
-- How many others of an account may send. A statement after the bind's own report was committed:
-- of two that come at once, one at least sees the other.
SELECT count(*) FROM bind_presence
WHERE account = %(account)s AND sends AND seen_at > now() - %(alive)s::interval
  AND (bind, gateway) <> (%(bind)s, %(gateway)s)

-- name: forget_binds
DELETE FROM bind_presence WHERE gateway = %(gateway)s

-- name: list_binds
SELECT account, bind, gateway, sends, state, extract(epoch FROM now() - seen_at)::float8 AS age_s
FROM bind_presence WHERE seen_at > now() - interval '1 hour' ORDER BY account, bind, gateway

-- name: database_time
SELECT clock_timestamp()
