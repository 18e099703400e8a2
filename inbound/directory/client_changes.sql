-- One client of the directory, changed by a person.

-- name: find_client
SELECT client_id, language, updated_at, open_until
FROM clients LEFT JOIN open_cases USING (client_id) WHERE number_hash = %(number_hash)s

-- name: has_clients
SELECT EXISTS (SELECT FROM clients)

-- name: find_registration
SELECT registration_sealed FROM clients WHERE number_hash = %(number_hash)s
