-- A row that stands at another version than expected is left alone: the count of rows
-- touched tells. A lost row is written again.
MERGE INTO subject_states AS stored
USING (
    SELECT stream_id, expected, version, state_version, state
    FROM unnest(
        %(stream_ids)b::uuid[], %(expected)b::integer[], %(versions)b::integer[],
        %(state_versions)b::smallint[], %(states)b::text[]
    ) AS given (stream_id, expected, version, state_version, state)
    ORDER BY stream_id
) AS given ON stored.stream_id = given.stream_id
WHEN MATCHED AND stored.version = given.expected THEN
    UPDATE SET version = given.version,
               state_version = given.state_version,
               state = given.state::json
WHEN NOT MATCHED THEN
    INSERT (stream_id, version, state_version, state)
    VALUES (given.stream_id, given.version, given.state_version, given.state::json)
