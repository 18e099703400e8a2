-- What else is connected to a database.

-- name: list_connected
SELECT application_name, coalesce(host(client_addr), ''), count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND starts_with(application_name, 'scserv')
GROUP BY 1, 2 ORDER BY 1, 2
