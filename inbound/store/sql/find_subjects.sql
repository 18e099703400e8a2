SELECT number_hash, subject_id FROM subjects WHERE number_hash = ANY(%(hashes)s::bytea[])
