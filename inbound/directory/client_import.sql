-- Loads a table of clients into a temporary table, and from there into `clients`.

-- name: create_incoming_clients
-- A rejected row claims its number: it has a digest of its own, and no registration.
CREATE TEMPORARY TABLE incoming_clients (
    row_no              bigint NOT NULL,
    number_hash         bytea  NOT NULL,
    client_id           text,
    number_sealed       bytea,
    registration_sealed bytea,
    registration_digest bytea  NOT NULL
) ON COMMIT DROP

-- name: copy_incoming_clients
COPY incoming_clients
    (row_no, number_hash, client_id, number_sealed, registration_sealed, registration_digest)
FROM STDIN (FORMAT binary)

-- name: analyze_incoming_clients
-- Autovacuum skips temporary tables; without this the merge is planned for a few rows.
ANALYZE incoming_clients

-- name: find_conflicting_clients
-- Rows whose number other rows give with other data or claim, each with one of the others.
WITH compared AS (
    SELECT *, min(row_no) OVER same_number AS first_row,
           first_value(registration_digest) OVER same_number AS first_digest
    FROM incoming_clients
    WINDOW same_number AS (PARTITION BY number_hash ORDER BY row_no)
), conflicting AS (
    SELECT *, min(row_no) FILTER (WHERE registration_digest <> first_digest)
                  OVER (PARTITION BY number_hash) AS other_row
    FROM compared
)
, named AS (
    SELECT *, CASE WHEN registration_digest = first_digest THEN other_row ELSE first_row END
              AS other
    FROM conflicting WHERE other_row IS NOT NULL AND registration_sealed IS NOT NULL
)
SELECT row_no, other,
       other IN (SELECT row_no FROM incoming_clients WHERE registration_sealed IS NULL),
       number_hash, number_sealed, registration_sealed
FROM named ORDER BY row_no

-- name: delete_conflicting_clients
DELETE FROM incoming_clients
WHERE number_hash IN (
    SELECT number_hash FROM incoming_clients
    GROUP BY number_hash HAVING count(DISTINCT registration_digest) > 1
)

-- name: delete_claims
DELETE FROM incoming_clients WHERE registration_sealed IS NULL

-- name: delete_repeated_clients
DELETE FROM incoming_clients AS later
USING (
    SELECT number_hash, min(row_no) AS row_no
    FROM incoming_clients GROUP BY number_hash HAVING count(*) > 1
) AS first
WHERE later.number_hash = first.number_hash AND later.row_no > first.row_no

-- name: lock_clients
-- Until commit: one import at a time. Readers see the old rows.
LOCK TABLE clients IN SHARE ROW EXCLUSIVE MODE

-- name: create_moves
-- Rows that change who a number belongs to, or give a known client one more number.
CREATE TEMPORARY TABLE client_moves ON COMMIT DROP AS
SELECT incoming.row_no, known.client_id IS NOT NULL AS is_of_another
FROM incoming_clients AS incoming
LEFT JOIN clients AS known ON known.number_hash = incoming.number_hash
WHERE known.client_id IS DISTINCT FROM incoming.client_id
  AND (known.client_id IS NOT NULL
       OR EXISTS (SELECT FROM clients AS other WHERE other.client_id = incoming.client_id))

-- name: find_moves
SELECT row_no, is_of_another, number_hash, number_sealed, registration_sealed
FROM client_moves JOIN incoming_clients USING (row_no) ORDER BY row_no

-- name: delete_moves
DELETE FROM incoming_clients USING client_moves
WHERE incoming_clients.row_no = client_moves.row_no

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
