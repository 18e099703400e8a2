-- Text throughout: ids and times only pass through on their way into rows.
SELECT position, stream_id::text, version, type, schema_version, data::text, metadata::text,
       recorded_at::text
FROM events WHERE position > %(after)s AND position <= %(until)s ORDER BY position LIMIT %(limit)s
