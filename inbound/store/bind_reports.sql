-- The state of each bind, as its gateway reports it.

-- name: report_bind
-- The time is the database's, so that machines with different clocks agree on which binds are
-- alive.
INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at)
VALUES (%(account)s, %(bind)s, %(gateway)s, %(sends)s, %(state)s::json, now())
ON CONFLICT (account, bind, gateway) DO UPDATE
SET sends = excluded.sends, state = excluded.state, seen_at = excluded.seen_at

-- name: count_sharing
-- How many other binds of an account may send. Runs after the bind's own report is committed: of
-- two binds that report at once, at least one counts the other.
SELECT count(*) FROM bind_presence
WHERE account = %(account)s AND sends AND seen_at > now() - %(alive)s::interval
  AND (bind, gateway) <> (%(bind)s, %(gateway)s)

-- name: another_sends
SELECT EXISTS (
    SELECT FROM bind_presence
    WHERE sends AND gateway <> %(gateway)s AND seen_at > now() - %(alive)s::interval
)

-- name: centres_elsewhere
-- The SMS centres that other gateways can send to.
SELECT DISTINCT gateway, state->>'centre' FROM bind_presence
WHERE gateway <> %(gateway)s AND seen_at > now() - %(alive)s::interval
  AND state->>'type' <> 'receiver'

-- name: names_elsewhere
-- The names of other gateways' binds, each with one of the gateways.
SELECT bind, min(gateway) FROM bind_presence
WHERE gateway <> %(gateway)s AND seen_at > now() - %(alive)s::interval
GROUP BY bind

-- name: withdraw_binds
-- With the older ones of gateways that were killed: alone they would tell of an outage since then.
DELETE FROM bind_presence
WHERE gateway = %(gateway)s OR seen_at < now() - %(alive)s::interval

-- name: list_binds
SELECT account, bind, gateway, sends, state, extract(epoch FROM now() - seen_at)::float8 AS age_s,
       seen_at
FROM bind_presence WHERE seen_at > now() - interval '1 hour' ORDER BY account, bind, gateway
