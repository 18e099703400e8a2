-- Bulk messages of programs wait in their orders for the turn of their account, like recipients of
-- broadcasts, and only some of them are on their way to the SMS centres.
CREATE INDEX orders_bulk_due ON orders (account, due_at) WHERE is_bulk AND due_at IS NOT NULL;
CREATE INDEX orders_single_due ON orders (due_at) WHERE NOT is_bulk AND due_at IS NOT NULL;

-- The bulk orders that are queued. No index of orders has the state, so that its changes stay cheap.
CREATE TABLE bulk_queued (
    order_id uuid NOT NULL PRIMARY KEY,
    account  text NOT NULL
);

-- In the transaction of every statement that changes orders, whoever runs it.
CREATE FUNCTION follow_bulk_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bulk_queued (order_id, account)
    SELECT order_id, account FROM after_change WHERE is_bulk AND state = 'queued'
    ON CONFLICT (order_id) DO NOTHING;
    DELETE FROM bulk_queued USING after_change
    WHERE bulk_queued.order_id = after_change.order_id
      AND after_change.is_bulk AND after_change.state <> 'queued';
    RETURN NULL;
END
$$;

CREATE TRIGGER bulk_orders_changed AFTER UPDATE ON orders
    REFERENCING NEW TABLE AS after_change
    FOR EACH STATEMENT EXECUTE FUNCTION follow_bulk_orders();
