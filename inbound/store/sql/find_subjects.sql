SELECT number_hash, subject_id FROM subjects WHERE number_hash = ANY(%(hashes)b::bytea[])
