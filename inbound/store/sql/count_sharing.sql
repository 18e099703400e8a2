-- How many others of an account may send. A statement after the bind's own report was committed:
-- of two that come at once, one at least sees the other.
SELECT count(*) FROM bind_presence
WHERE account = %(account)s AND sends AND seen_at > now() - %(alive)s::interval
  AND (bind, gateway) <> (%(bind)s, %(gateway)s)
