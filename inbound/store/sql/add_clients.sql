INSERT INTO clients
    (number_hash, client_id, number_sealed, registration_sealed, registration_digest)
SELECT number_hash, client_id, number_sealed, registration_sealed, registration_digest
FROM incoming_clients
ON CONFLICT (number_hash) DO NOTHING
