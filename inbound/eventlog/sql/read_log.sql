-- In the order of event_copy.py. Read from within one snapshot.
COPY (
    SELECT position, recorded_at, chain, digest,
           stream_id, version, type, schema_version, data, metadata
    FROM events WHERE position > %(after)s AND position <= %(until)s ORDER BY position
) TO STDOUT (FORMAT binary)
