SELECT number_hash FROM clients WHERE number_hash = ANY(%(hashes)b::bytea[])
