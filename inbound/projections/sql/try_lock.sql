-- Held by the session: it goes with the connection, however the process ends.
SELECT pg_try_advisory_lock(hashtext('scserv ' || %(work)s::text), hashtext(%(name)s))
