CREATE INDEX IF NOT EXISTS requests_by_fulfilment ON requests (fulfilment_id)
