-- Loads an audience into a temporary table, and from there into the recipients of a broadcast.

-- name: create_incoming
-- A row with a reason is excluded already.
CREATE TEMPORARY TABLE incoming_recipients (
    row_no        integer NOT NULL,
    reason        text,
    detail        text,
    number_hash   bytea,
    number_sealed bytea,
    fields_sealed bytea,
    row_sealed    bytea,
    parts         smallint
) ON COMMIT DROP

-- name: copy_incoming
COPY incoming_recipients
    (row_no, reason, detail, number_hash, number_sealed, fields_sealed, row_sealed, parts)
FROM STDIN (FORMAT binary)

-- name: add_clients
-- All clients, or those that match: a number that is in the directory twice is not possible.
INSERT INTO incoming_recipients (row_no, number_hash, number_sealed, parts)
SELECT row_number() OVER (ORDER BY client_id, number_hash), number_hash, number_sealed, %(parts)s
FROM clients
WHERE (NOT %(open_case)s OR EXISTS (
        SELECT FROM open_cases
        WHERE open_cases.client_id = clients.client_id AND open_cases.open_until > %(now)s))
  AND (%(language)s::text IS NULL
       OR CASE WHEN language = ANY(%(languages)s::text[]) THEN language
               ELSE %(default_language)s END = %(language)s)
  AND (%(client_id)s::text IS NULL OR client_id LIKE %(client_id)s)
  AND (%(updated_since)s::timestamptz IS NULL OR updated_at >= %(updated_since)s)

-- name: analyze_incoming
-- Autovacuum skips temporary tables; without this the joins are planned for a few rows.
ANALYZE incoming_recipients

-- name: judge_incoming
-- Gives each row its reason, moves the rows to their tables, and returns the counts by reason,
-- and of the recipients the SMS parts of all and of the longest text.
-- Of rows with the same number the first one counts, unless it was excluded.
WITH numbered AS (
    SELECT incoming.*,
           CASE WHEN reason IS NULL THEN
               min(row_no) FILTER (WHERE reason IS NULL) OVER (PARTITION BY number_hash)
           END AS first_row
    FROM incoming_recipients AS incoming
), judged AS MATERIALIZED (
    SELECT numbered.row_no, numbered.number_hash, numbered.number_sealed, fields_sealed,
           row_sealed, parts,
           CASE
               WHEN reason IS NOT NULL THEN reason
               WHEN first_row < row_no THEN 'repeated'
               WHEN NOT %(strangers)s AND clients.number_hash IS NULL THEN 'not_a_client'
               WHEN NOT coalesce((states.state ->> 'notifications_on')::boolean, true)
                   THEN 'opted_out'
           END AS reason,
           coalesce(detail, CASE WHEN first_row < row_no THEN first_row::text END) AS detail
    FROM numbered
    LEFT JOIN clients ON clients.number_hash = numbered.number_hash AND NOT %(strangers)s
    LEFT JOIN subjects ON subjects.number_hash = numbered.number_hash
    LEFT JOIN subject_states AS states ON states.stream_id = subjects.subject_id
), excluded AS (
    INSERT INTO broadcast_exclusions (
        broadcast_id, row_no, reason, detail, number_hash, number_sealed, row_sealed
    )
    SELECT %(broadcast_id)s, row_no, reason, coalesce(detail, ''), number_hash, number_sealed,
           row_sealed
    FROM judged WHERE reason IS NOT NULL
), included AS (
    INSERT INTO broadcast_recipients (
        broadcast_id, no, number_hash, number_sealed, fields_sealed, row_no, row_sealed
    )
    SELECT %(broadcast_id)s, row_number() OVER (ORDER BY row_no), number_hash, number_sealed,
           fields_sealed, row_no, CASE WHEN %(keeps_rows)s THEN row_sealed END
    FROM judged WHERE reason IS NULL
    ORDER BY row_no
)
SELECT reason, count(*), sum(parts), max(parts) FROM judged GROUP BY reason

-- name: find_exclusion_page
SELECT row_no, reason, detail FROM broadcast_exclusions
WHERE broadcast_id = %(broadcast_id)s AND row_no > %(after)s ORDER BY row_no LIMIT %(limit)s

-- name: find_exclusions
SELECT row_no, reason, detail, number_hash, number_sealed, row_sealed
FROM broadcast_exclusions WHERE broadcast_id = %(broadcast_id)s ORDER BY row_no
