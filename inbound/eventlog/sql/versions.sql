-- Events whose predecessor in their stream is missing or stands behind them. A join that
-- PostgreSQL does in bounded memory, however many streams there are.
SELECT event.position, event.stream_id, event.version
FROM events AS event
LEFT JOIN events AS before
    ON before.stream_id = event.stream_id
    AND before.version = event.version - 1
    AND before.position < event.position
WHERE event.position > %(since)s AND event.version > 1 AND before.position IS NULL
ORDER BY event.position
