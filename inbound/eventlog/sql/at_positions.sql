SELECT position, chain, digest FROM events WHERE position = ANY(%(positions)s::bigint[])
