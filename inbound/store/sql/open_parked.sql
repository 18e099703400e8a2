SELECT id, sealed FROM parked WHERE id = ANY(%(ids)b::bigint[])
