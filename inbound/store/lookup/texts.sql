-- name: rejected_mos_of
SELECT number_hash, minute, kind, first_at, last_at, count, reading
FROM rejected_mos
WHERE number_hash = %(number_hash)s
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)
ORDER BY minute DESC, kind
LIMIT %(limit)s

-- name: unrecorded_mos
-- The rows without a number count the rejected MOs beyond the limit (add_rejected_mos).
SELECT coalesce(sum(count), 0)::bigint, min(first_at), max(last_at)
FROM rejected_mos
WHERE number_hash = ''::bytea
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)

-- name: waiting_parts
SELECT total, array_agg(sequence ORDER BY received_at), min(received_at), max(received_at)
FROM mo_parts
WHERE number_hash = %(number_hash)s AND NOT whole
GROUP BY centre, destination, reference, total
ORDER BY min(received_at) DESC
LIMIT %(limit)s
