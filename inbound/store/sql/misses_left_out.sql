-- Texts of all numbers that were not noted because there were too many.
SELECT coalesce(sum(count), 0)::bigint, min(first_at), max(last_at)
FROM misses
WHERE number_hash = ''::bytea
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)
