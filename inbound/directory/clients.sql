-- The directory of clients: look-ups.

-- name: find_clients
SELECT number_hash FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_registrations
SELECT number_hash, registration_sealed, open_until
FROM clients LEFT JOIN open_cases USING (client_id)
WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: count_clients
SELECT count(*) FROM clients

-- name: find_client_ids
SELECT number_hash, client_id FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_client_numbers
SELECT given.client_id, found.number_hash, found.number_sealed
FROM unnest(%(client_ids)s::text[]) AS given (client_id)
CROSS JOIN LATERAL (
    SELECT number_hash, number_sealed FROM clients
    WHERE clients.client_id = given.client_id ORDER BY number_hash LIMIT %(limit)s
) AS found

-- name: delete_open_cases
DELETE FROM open_cases

-- name: add_open_cases
INSERT INTO open_cases (client_id, open_until)
SELECT client_id, open_until
FROM unnest(%(client_ids)s::text[], %(open_until)s::timestamptz[]) AS new (client_id, open_until)

-- name: count_open_cases
SELECT count(*) FROM open_cases

-- name: count_known_ids
SELECT count(DISTINCT client_id) FROM clients WHERE client_id = ANY(%(client_ids)b::text[])

-- name: find_numbers_of_clients
-- One number of each client: the one that was changed last.
SELECT DISTINCT ON (client_id) client_id, number_hash, number_sealed FROM clients
WHERE client_id = ANY(%(client_ids)b::text[])
ORDER BY client_id, updated_at DESC, number_hash

-- name: set_languages
-- Returns how many of the given clients there are; one may have several numbers.
WITH given AS (
    SELECT client_id, language
    FROM unnest(%(client_ids)s::text[], %(languages)s::text[]) AS new (client_id, language)
), changed AS (
    UPDATE clients SET language = given.language FROM given
    WHERE clients.client_id = given.client_id
      AND clients.language IS DISTINCT FROM given.language
)
SELECT count(*) FROM given WHERE EXISTS (SELECT FROM clients WHERE client_id = given.client_id)
