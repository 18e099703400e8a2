UPDATE mo_parts SET whole = true
WHERE number_hash = %(number_hash)s AND destination = %(destination)s AND bind = %(bind)s
  AND reference = %(reference)s AND total = %(total)s AND NOT whole
