-- The ends of the chains that have one, in the order of their positions.
SELECT head.chain - 1, head.position, head.digest, events.recorded_at
FROM log_heads,
     unnest(positions, digests) WITH ORDINALITY AS head (position, digest, chain)
JOIN events USING (position)
ORDER BY position
