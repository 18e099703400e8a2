SELECT subject_id, number_sealed FROM subjects WHERE subject_id = ANY(%(subject_ids)b::uuid[])
