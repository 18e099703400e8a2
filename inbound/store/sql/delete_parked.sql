DELETE FROM parked WHERE id = ANY(%(ids)b::bigint[])
