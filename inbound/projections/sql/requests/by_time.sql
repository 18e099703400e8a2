CREATE INDEX IF NOT EXISTS requests_by_time ON requests (arrived_at, request_id)
