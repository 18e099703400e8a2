SELECT number_hash, registration_sealed FROM clients
WHERE number_hash = ANY(%(hashes)b::bytea[])
