CREATE INDEX IF NOT EXISTS requests_by_acknowledgement ON requests (acknowledgement_id)
