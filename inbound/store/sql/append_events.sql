COPY events (position, stream_id, version, type, schema_version, data, metadata)
FROM STDIN (FORMAT binary)
