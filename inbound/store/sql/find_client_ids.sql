SELECT number_hash, client_id FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])
