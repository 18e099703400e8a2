DELETE FROM mo_parts
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND bind = %(bind)s
  AND reference = %(reference)s AND total = %(total)s AND whole = %(whole)s
  AND sequence = ANY(%(sequences)b::integer[])
