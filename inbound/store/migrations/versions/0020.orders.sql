-- Accounts of programs and people, their orders, and what the orders hold.

-- `number` is a short name for logs and dialects that know accounts by a number. Limits count
-- accepted orders by the calendar of `zone`; NULL is no limit, and no balance is an unlimited one.
CREATE TABLE accounts (
    account         text        NOT NULL PRIMARY KEY,
    number          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
    enabled         boolean     NOT NULL DEFAULT true,
    rights          text[]      NOT NULL DEFAULT '{}',
    addresses       cidr[]      NOT NULL DEFAULT '{}',
    zone            text        NOT NULL DEFAULT 'Europe/Moscow',
    day_limit       integer     CHECK (day_limit >= 0),
    week_limit      integer     CHECK (week_limit >= 0),
    month_limit     integer     CHECK (month_limit >= 0),
    min_delay_s     integer     CHECK (min_delay_s > 0),
    repeat_within_s integer     CHECK (repeat_within_s > 0),
    max_parts       smallint    NOT NULL DEFAULT 8 CHECK (max_parts BETWEEN 1 AND 8),
    patterns        text[]      NOT NULL DEFAULT '{}',
    rate_per_s      integer     CHECK (rate_per_s > 0),
    price_per_part  numeric(12, 4) CHECK (price_per_part >= 0),
    currency        text        NOT NULL DEFAULT 'RUB',
    balance         numeric(16, 4),
    created_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- The service's own sender needs no approval and no row.
CREATE TABLE account_senders (
    account     text        NOT NULL REFERENCES accounts,
    sender      text        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    approved_by text,
    approved_at timestamptz,
    PRIMARY KEY (account, sender)
);

-- Accepted orders by period: `d2026-01-31`, `w2026-05`, `m2026-01`. Changed in the transaction
-- that accepts, after the lock on the account's row if the account has a limit.
CREATE TABLE account_usage (
    account text   NOT NULL,
    period  text   NOT NULL,
    used    bigint NOT NULL,
    PRIMARY KEY (account, period)
) WITH (fillfactor = 50);

INSERT INTO accounts (account, rights)
VALUES ('default', ARRAY['send', 'service', 'broadcasts', 'strangers']);

-- What an order is and how far it has come. No number, no text. The id is random or made from
-- account and idempotency key, so the key needs no column; `content_digest` (keyed) says whether a
-- repeated key comes with the same order, `text_digest` whether a text is repeated. `due_at` is set
-- while a scheduled order waits for that time. No index has `state`: its updates are HOT.
CREATE TABLE orders (
    order_id         uuid        NOT NULL PRIMARY KEY,
    account          text        NOT NULL,
    subject_id       uuid,
    kind             text        NOT NULL,
    state            text        NOT NULL,
    reason           text,
    template         text        NOT NULL,
    template_version integer,
    language         text,
    sender           text,
    parts            smallint    NOT NULL,
    price            numeric(16, 4),
    content_digest   bytea       NOT NULL,
    text_digest      bytea       NOT NULL,
    created_at       timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    due_at           timestamptz,
    not_after        timestamptz,
    last_at          timestamptz,
    hours            json,
    dispatch         smallint    NOT NULL DEFAULT 1,
    resend_unknown   boolean     NOT NULL DEFAULT false,
    broadcast_id     uuid,
    callback         boolean     NOT NULL DEFAULT false,
    traceparent      text
) WITH (fillfactor = 80);

CREATE INDEX orders_subject ON orders (subject_id, created_at);
CREATE INDEX orders_account ON orders (account, created_at);
CREATE INDEX orders_broadcast ON orders (broadcast_id) WHERE broadcast_id IS NOT NULL;
CREATE INDEX orders_due ON orders (due_at) WHERE due_at IS NOT NULL;

-- The sealed text of an order, until it has been kept long enough or the person is erased.
CREATE TABLE order_contents (
    order_id   uuid        NOT NULL PRIMARY KEY,
    subject_id uuid,
    sealed     bytea       NOT NULL,
    delete_at  timestamptz NOT NULL
);

CREATE INDEX order_contents_subject ON order_contents (subject_id);
CREATE INDEX order_contents_delete_at ON order_contents (delete_at);

-- A claim asks whether a broadcast goes on. Its other columns come with the broadcasts.
CREATE TABLE broadcasts (
    broadcast_id uuid        NOT NULL PRIMARY KEY,
    state        text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- The order of a sent part, to which its receipt belongs.
ALTER TABLE smsc_messages ADD COLUMN order_id uuid;

-- Why the message of an order must not be submitted; NULL if it may be. STABLE: it sees what the
-- calling statement sees. Consent is read from the folded state, which is written in the
-- transaction of a `stop`; a state that was lost is made good from the events.
CREATE FUNCTION withheld_reason(ordered uuid, subject uuid, consent_needed boolean) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN ordered IS NULL THEN NULL
        WHEN consent_needed AND NOT coalesce(
            (SELECT coalesce((state ->> 'notifications_on')::boolean, true)
             FROM subject_states WHERE stream_id = subject),
            (SELECT type <> 'subscription.stopped' FROM events
             WHERE stream_id = subject AND type LIKE 'subscription.%'
             ORDER BY version DESC LIMIT 1),
            true
        ) THEN 'opted_out'
        ELSE (
            SELECT CASE
                WHEN placed.state = 'cancelled' OR broadcasts.state = 'cancelled' THEN 'cancelled'
                WHEN broadcasts.state = 'paused' THEN 'paused'
            END
            FROM orders AS placed LEFT JOIN broadcasts USING (broadcast_id)
            WHERE placed.order_id = ordered
        )
    END
$$;
