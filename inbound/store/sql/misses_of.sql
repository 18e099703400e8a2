SELECT number_hash, minute, kind, first_at, last_at, count
FROM misses
WHERE number_hash = %(number_hash)s
  AND (%(since)s::timestamptz IS NULL OR last_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR first_at < %(until)s::timestamptz)
ORDER BY minute DESC, kind
LIMIT %(limit)s
