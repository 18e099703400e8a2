-- Inputs of past decisions, read for replays.

-- name: find_recorded_at
SELECT recorded_at FROM events WHERE position >= %(position)s ORDER BY position LIMIT 1

-- name: list_subjects_between
SELECT DISTINCT stream_id FROM events
WHERE position > %(after)s AND position <= %(upto)s ORDER BY stream_id

-- name: list_subjects_with
-- Those with an event of this type that was recorded within the span.
SELECT DISTINCT stream_id FROM events
WHERE position > %(after)s AND position <= %(upto)s AND type = %(type)s
    AND recorded_at >= %(since)s AND recorded_at < %(until)s
ORDER BY stream_id

-- name: read_streams
SELECT stream_id::text, version, type, schema_version, data::text,
    recorded_at >= %(since)s AND recorded_at < %(until)s
FROM events WHERE stream_id = ANY(%(subject_ids)b::uuid[]) AND position <= %(upto)s
ORDER BY stream_id, version

-- name: read_events_between
-- Without `types`: all.
SELECT position, stream_id, version, type, schema_version, data, metadata, recorded_at
FROM events
WHERE position > %(after)s AND position <= %(upto)s
    AND recorded_at >= %(since)s AND recorded_at < %(until)s
    AND (%(types)s::text[] IS NULL OR type = ANY(%(types)s::text[]))
ORDER BY position LIMIT %(limit)s
