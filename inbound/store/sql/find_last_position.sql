-- Positions appear in commit order, so all up to here is whole and stays as it is.
SELECT coalesce(max(position), 0) FROM events
