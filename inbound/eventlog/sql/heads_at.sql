-- The newest event of each chain up to a position. A chain is met every few events, so
-- each look back is short.
SELECT chain.number, event.position, event.digest
FROM generate_series(0, %(chains)s - 1) AS chain (number)
CROSS JOIN LATERAL (
    SELECT position, digest FROM events
    WHERE events.chain = chain.number AND events.position <= %(position)s
    ORDER BY position DESC LIMIT 1
) AS event
