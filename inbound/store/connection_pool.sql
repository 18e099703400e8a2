-- Connection pool.

-- name: short_statements
SELECT set_config('statement_timeout', '10s', false)
