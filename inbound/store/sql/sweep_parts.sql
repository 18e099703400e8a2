-- Parts whose others never came, and what is remembered of texts that were put together. With %(note)s the text that they were to be is a miss: its
-- sender waits for an answer. One row for each number and minute.
WITH gone AS (
    DELETE FROM mo_parts WHERE received_at < %(before)s
    RETURNING number_hash, bind, destination, reference, total, received_at, whole
), texts AS (
    SELECT number_hash, min(received_at) AS first_at, max(received_at) AS last_at
    FROM gone GROUP BY number_hash, bind, destination, reference, total
    HAVING NOT bool_or(whole)
), noted AS (
    INSERT INTO misses AS stored (number_hash, minute, kind, first_at, last_at, count)
    SELECT number_hash, date_trunc('minute', first_at), 'incomplete',
           min(first_at), max(last_at), count(*)
    FROM texts WHERE %(note)s
    GROUP BY number_hash, date_trunc('minute', first_at)
    LIMIT %(per_hour)s
    ON CONFLICT (number_hash, minute, kind) DO UPDATE
    SET last_at = greatest(stored.last_at, excluded.last_at),
        count = stored.count + excluded.count
)
SELECT count(*) FROM gone WHERE NOT whole
