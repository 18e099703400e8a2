SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE stream_id = ANY(%(subject_ids)b::uuid[]) ORDER BY stream_id, version
