SELECT sequence, sealed, data, received_at
FROM mo_parts
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND bind = %(bind)s
  AND reference = %(reference)s AND total = %(total)s AND whole = %(whole)s
ORDER BY sequence
