-- A bind says how it is. The time is the database's, so that machines whose clocks differ agree
-- on who is alive.
INSERT INTO bind_presence (account, bind, gateway, sends, state, seen_at)
VALUES (%(account)s, %(bind)s, %(gateway)s, %(sends)s, %(state)s::json, now())
ON CONFLICT (account, bind, gateway) DO UPDATE
SET sends = excluded.sends, state = excluded.state, seen_at = excluded.seen_at
