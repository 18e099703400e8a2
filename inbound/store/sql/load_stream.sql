SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events WHERE stream_id = %(subject_id)s ORDER BY version
