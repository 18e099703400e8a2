-- Waits for another process that migrates; goes with the connection.
SELECT pg_advisory_lock(hashtext('scserv migrate'))
