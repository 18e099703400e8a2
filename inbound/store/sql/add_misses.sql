-- One row for each number, kind and minute. Within an hour of arrival only so many new rows
-- are made, whoever texts: what there is no room for is counted in one row a minute.
-- Sorted, so that two batches with the same rows don't wait for each other in a circle.
WITH given AS (
    SELECT number_hash, minute, kind, first_at, last_at, count,
           row_number() OVER (ORDER BY minute, number_hash, kind) AS place
    FROM unnest(
        %(hashes)b::bytea[], %(minutes)b::timestamptz[], %(kinds)b::text[],
        %(first)b::timestamptz[], %(last)b::timestamptz[], %(counts)b::bigint[]
    ) AS given (number_hash, minute, kind, first_at, last_at, count)
), room AS (
    SELECT %(per_hour)s::bigint - count(*) AS rows FROM (
        SELECT FROM misses
        WHERE minute > (SELECT min(minute) FROM given) - interval '1 hour'
        LIMIT %(per_hour)s::bigint
    ) AS taken
), left_out AS (
    SELECT ''::bytea AS number_hash, minute, 'left_out' AS kind, min(first_at) AS first_at,
           max(last_at) AS last_at, sum(count)::bigint AS count
    FROM given, room WHERE place > room.rows GROUP BY minute
)
INSERT INTO misses AS stored (number_hash, minute, kind, first_at, last_at, count)
SELECT number_hash, minute, kind, first_at, last_at, count
FROM given, room WHERE place <= room.rows
UNION ALL
SELECT number_hash, minute, kind, first_at, last_at, count FROM left_out
ORDER BY number_hash, minute, kind
ON CONFLICT (number_hash, minute, kind) DO UPDATE
SET first_at = least(stored.first_at, excluded.first_at),
    last_at = greatest(stored.last_at, excluded.last_at),
    count = stored.count + excluded.count
