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

-- name: remove_addresses
-- Before set_addresses. Returns how many of the given clients there are.
WITH given AS (
    SELECT DISTINCT client_id FROM unnest(%(client_ids)s::text[]) AS new (client_id)
), removed AS (
    DELETE FROM client_addresses USING given
    WHERE client_addresses.client_id = given.client_id AND channel = %(channel)s
)
SELECT count(*) FROM given WHERE EXISTS (SELECT FROM clients WHERE client_id = given.client_id)

-- name: set_addresses
INSERT INTO client_addresses (client_id, channel, sealed, hash)
SELECT client_id, %(channel)s, sealed, hash
FROM unnest(%(client_ids)s::text[], %(sealed)s::bytea[], %(hashes)s::bytea[])
    AS new (client_id, sealed, hash)
WHERE EXISTS (SELECT FROM clients WHERE clients.client_id = new.client_id)

-- name: find_addresses
SELECT number_hash, client_id, sealed
FROM clients JOIN client_addresses USING (client_id)
WHERE number_hash = ANY(%(hashes)b::bytea[]) AND channel = %(channel)s

-- name: find_clients_of_addresses
-- The client of each address; an address of several clients is left out, since which one is meant
-- would be a guess.
SELECT hash, min(client_id) FROM client_addresses
WHERE channel = %(channel)s AND hash = ANY(%(hashes)b::bytea[])
GROUP BY hash HAVING count(*) = 1
