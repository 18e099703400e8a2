-- Texts of phones that belong to accounts, and those that wait for the programs of accounts.

-- Which text belongs to which account, by the number that was texted and the first word of the text;
-- '' stands for any. At most one account has a text.
CREATE TABLE text_routes (
    number   text        NOT NULL,
    word     text        NOT NULL,
    account  text        NOT NULL REFERENCES accounts,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (number, word)
);

-- Over which way an account gets its texts: one of them, never both.
ALTER TABLE accounts ADD COLUMN texts_over text NOT NULL DEFAULT 'smpp'
    CHECK (texts_over IN ('smpp', 'http'));

-- Texts that a program has not acknowledged. `sealed` has both numbers and the text, `text_id` is the
-- id of the MO.
CREATE TABLE account_texts (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account     text        NOT NULL,
    text_id     uuid        NOT NULL,
    number_hash bytea       NOT NULL,
    sealed      bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX account_texts_account ON account_texts (account, id);
CREATE INDEX account_texts_number ON account_texts (number_hash, id);

-- A text goes out as one of these, beside receipts and other calls; `text` names it.
ALTER TABLE smpp_deliveries
    ALTER COLUMN message_id DROP NOT NULL,
    ALTER COLUMN state DROP NOT NULL,
    ADD COLUMN text bigint REFERENCES account_texts ON DELETE CASCADE;
CREATE INDEX smpp_deliveries_text ON smpp_deliveries (text) WHERE text IS NOT NULL;

ALTER TABLE callbacks ADD COLUMN text bigint REFERENCES account_texts ON DELETE CASCADE;
CREATE INDEX callbacks_text ON callbacks (text) WHERE text IS NOT NULL;
