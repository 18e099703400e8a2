CREATE INDEX IF NOT EXISTS requests_by_subject ON requests (subject_id, arrived_at, request_id)
