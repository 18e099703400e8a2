-- Orders are found by their trace. A batch of a broadcast is one trace of up to 1,000 orders, which
-- tells nothing about one of them: those are left out.
CREATE INDEX orders_trace ON orders (substr(traceparent, 4, 32))
WHERE traceparent IS NOT NULL AND broadcast_id IS NULL;
