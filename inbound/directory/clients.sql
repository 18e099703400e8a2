-- The directory of clients: look-ups.

-- name: find_clients
SELECT number_hash FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_registrations
SELECT number_hash, registration_sealed FROM clients
WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_client_ids
SELECT number_hash, client_id FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])

-- name: find_client_numbers
SELECT number_hash, number_sealed FROM clients
WHERE client_id = %(client_id)s ORDER BY number_hash LIMIT %(limit)s
