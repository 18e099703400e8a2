SELECT stream_id, version, state_version, state
FROM subject_states WHERE stream_id = ANY(%(subject_ids)b::uuid[])
