-- Under the log lock, so nobody else moves them meanwhile.
UPDATE log_heads SET positions = %(positions)s::bigint[], digests = %(digests)s::bytea[]
