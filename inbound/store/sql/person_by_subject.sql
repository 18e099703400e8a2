SELECT subject_id, number_hash, number_sealed
FROM subjects WHERE subject_id = %(subject_id)s
