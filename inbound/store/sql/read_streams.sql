SELECT stream_id::text, version, type, schema_version, data::text,
    recorded_at >= %(since)s AND recorded_at < %(until)s
FROM events WHERE stream_id = ANY(%(subject_ids)b::uuid[]) AND position <= %(upto)s
ORDER BY stream_id, version
