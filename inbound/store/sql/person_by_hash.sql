SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE number_hash = %(number_hash)s
