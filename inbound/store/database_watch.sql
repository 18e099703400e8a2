-- What a process watches of its database.

-- name: database_time
SELECT clock_timestamp()

-- name: database_size
SELECT pg_database_size(current_database())

-- name: data_folder
-- No row if this user may not know it. SHOW would write an error to the server's log.
SELECT setting FROM pg_settings WHERE name = 'data_directory'
