-- In the order of event_copy.py.
COPY events (
    position, recorded_at, chain, digest, stream_id, version, type, schema_version, data, metadata
)
FROM STDIN (FORMAT binary)
