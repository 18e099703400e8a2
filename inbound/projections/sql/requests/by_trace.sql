CREATE INDEX IF NOT EXISTS requests_by_trace ON requests (trace_id)
