-- `types` is NULL for all of them.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE position > %(after)s AND position <= %(upto)s
    AND recorded_at >= %(since)s AND recorded_at < %(until)s
    AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s::text[]))
ORDER BY position LIMIT %(limit)s
