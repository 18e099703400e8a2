-- The index key of the database, sealed with the subject keys that open it.

-- name: find_sealed
-- The second column: the fingerprint of the index key, NULL in a database that has not named it yet.
SELECT sealed, (SELECT fingerprint FROM key_checks WHERE name = 'SCSERV_SUBJECT_KEY')
FROM index_keys WHERE subject_fingerprint = %(fingerprint)s AND sealed IS NOT NULL

-- name: lock_keys
-- Processes that start at the same time take turns; reading goes on.
LOCK TABLE index_keys IN SHARE ROW EXCLUSIVE MODE

-- name: list_keys
SELECT subject_fingerprint, added_at FROM index_keys WHERE sealed IS NOT NULL ORDER BY added_at

-- name: find_retired
SELECT retired_at FROM index_keys WHERE subject_fingerprint = %(fingerprint)s AND sealed IS NULL

-- name: add_key
INSERT INTO index_keys (subject_fingerprint, sealed, added_at)
VALUES (%(fingerprint)s, %(sealed)s, clock_timestamp())

-- name: retire_others
UPDATE index_keys SET sealed = NULL, retired_at = now()
WHERE subject_fingerprint <> %(fingerprint)s AND sealed IS NOT NULL
RETURNING subject_fingerprint

-- name: limit_wait
-- Processes that start wait behind whoever waits for the whole table.
SET LOCAL lock_timeout = '5s'

-- name: lock_table
LOCK TABLE index_keys IN ACCESS EXCLUSIVE MODE

-- name: read_table
SELECT subject_fingerprint, sealed, added_at, retired_at FROM index_keys

-- name: begin_file
-- A row that was replaced stays in the file of a table, and VACUUM FULL takes it along while any
-- transaction of the database is older. A dump is not harmed: it locks its tables before it reads.
TRUNCATE index_keys

-- name: fill_table
INSERT INTO index_keys (subject_fingerprint, sealed, added_at, retired_at)
VALUES (%s, %s, %s, %s)

-- name: has_people
SELECT EXISTS (SELECT FROM subjects) OR EXISTS (SELECT FROM clients)
