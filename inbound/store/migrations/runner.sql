-- Statements around the migrations.

-- name: lock_migrations
-- Waits for another process that migrates. A session lock: it ends with the connection.
SELECT pg_advisory_lock(hashtext('scserv migrate'))

-- name: migrations_table
SELECT to_regclass('_yoyo_migration') IS NOT NULL

-- name: applied_migrations
SELECT migration_id FROM _yoyo_migration
