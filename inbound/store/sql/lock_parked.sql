-- One retry at a time, whoever runs it; goes with the connection.
SELECT pg_try_advisory_lock(hashtext('scserv parked'))
