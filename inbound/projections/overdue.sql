-- Acknowledgements that are overdue now.

-- name: count_overdue
-- The table has no index by outcome, which would cost every update (requests.sql). So the last
-- requests that should be acknowledged by now are read, by the index on their time: each is
-- among them for a while, and one that is still overdue when it no longer is has been counted.
SELECT count(*) FILTER (
    WHERE acknowledged_at IS NULL AND coalesce(acknowledgement_outcome, 'resent') = 'resent')
FROM (
    SELECT acknowledged_at, acknowledgement_outcome
    FROM projections.requests
    WHERE arrived_at < now() - make_interval(secs => %(after_s)s)
      AND arrived_at > now() - interval '1 day'
    ORDER BY arrived_at DESC, request_id DESC
    LIMIT %(most)s
) AS due
