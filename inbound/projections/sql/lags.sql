-- How far each live projection is behind: events, and the age of the first that is missing.
SELECT progress.name, progress.version, progress.position, head.position - progress.position,
       coalesce(extract(epoch FROM clock_timestamp() - missing.recorded_at), 0)::float8
FROM projections.progress
CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM events) AS head
LEFT JOIN events AS missing ON missing.position = progress.position + 1
WHERE progress.place = 'projections'
