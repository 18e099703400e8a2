-- Statements around the migrations.

-- name: try_lock
-- Whether no other process migrates. A session lock: it ends with the connection.
SELECT pg_try_advisory_lock(hashtext('scserv migrate'))

-- name: migrations_table
SELECT to_regclass('_yoyo_migration') IS NOT NULL

-- name: applied_migrations
SELECT migration_id FROM _yoyo_migration
