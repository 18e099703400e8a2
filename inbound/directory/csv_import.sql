-- Loads a file of clients into a temporary table, and from there into `clients`.

-- name: create_incoming_clients
CREATE TEMPORARY TABLE incoming_clients (
    line                bigint NOT NULL,
    number_hash         bytea  NOT NULL,
    client_id           text   NOT NULL,
    number_sealed       bytea  NOT NULL,
    registration_sealed bytea  NOT NULL,
    registration_digest bytea  NOT NULL
) ON COMMIT DROP

-- name: copy_incoming_clients
COPY incoming_clients
    (line, number_hash, client_id, number_sealed, registration_sealed, registration_digest)
FROM STDIN (FORMAT binary)

-- name: analyze_incoming_clients
-- Autovacuum skips temporary tables; without this the merge is planned for a few rows.
ANALYZE incoming_clients

-- name: find_repeated_clients
-- Lines that repeat the number of an earlier line.
SELECT line, first_line, number_hash, number_sealed
FROM (
    SELECT line, number_hash, number_sealed,
           min(line) OVER (PARTITION BY number_hash) AS first_line
    FROM incoming_clients
) AS lines
WHERE line > first_line
ORDER BY line

-- name: delete_repeated_clients
DELETE FROM incoming_clients AS later
USING (
    SELECT number_hash, min(line) AS line
    FROM incoming_clients GROUP BY number_hash HAVING count(*) > 1
) AS first
WHERE later.number_hash = first.number_hash AND later.line > first.line

-- name: lock_clients
-- Until commit: one import at a time. Readers see the old rows.
LOCK TABLE clients IN SHARE ROW EXCLUSIVE MODE

-- name: update_clients
UPDATE clients
SET client_id = incoming.client_id,
    number_sealed = incoming.number_sealed,
    registration_sealed = incoming.registration_sealed,
    registration_digest = incoming.registration_digest,
    updated_at = now()
FROM incoming_clients AS incoming
WHERE clients.number_hash = incoming.number_hash
  AND clients.registration_digest <> incoming.registration_digest

-- name: add_clients
INSERT INTO clients
    (number_hash, client_id, number_sealed, registration_sealed, registration_digest)
SELECT number_hash, client_id, number_sealed, registration_sealed, registration_digest
FROM incoming_clients
ON CONFLICT (number_hash) DO NOTHING
