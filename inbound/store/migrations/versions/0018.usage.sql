-- What strangers can make us store is counted, so that a quota is checked without reading a table.
-- A transaction locks the row first, before any row of the table that it counts.
CREATE TABLE store_usage (
    name  text   NOT NULL PRIMARY KEY,
    rows  bigint NOT NULL,
    bytes bigint NOT NULL
) WITH (fillfactor = 10);

ALTER TABLE mo_parts
    ADD COLUMN size integer NOT NULL GENERATED ALWAYS AS (octet_length(sealed)) STORED;

-- Workers of the earlier release don't state the size.
ALTER TABLE early_receipts ADD COLUMN size integer NOT NULL DEFAULT 500;

INSERT INTO store_usage (name, rows, bytes)
SELECT 'mo_parts', count(*), coalesce(sum(size), 0) FROM mo_parts
UNION ALL
SELECT 'early_receipts', count(*), coalesce(sum(size), 0) FROM early_receipts;

CREATE FUNCTION count_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE store_usage AS usage
    SET rows = usage.rows + change.rows, bytes = usage.bytes + change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE usage.name = TG_TABLE_NAME AND change.rows > 0;
    RETURN NULL;
END
$$;

CREATE FUNCTION count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE store_usage AS usage
    SET rows = usage.rows - change.rows, bytes = usage.bytes - change.bytes
    FROM (SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM changed) AS change
    WHERE usage.name = TG_TABLE_NAME AND change.rows > 0;
    RETURN NULL;
END
$$;

-- Workers of the earlier release store a part again with ON CONFLICT DO UPDATE.
CREATE FUNCTION count_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE store_usage AS usage
    SET bytes = usage.bytes + change.bytes
    FROM (
        SELECT (SELECT coalesce(sum(size), 0) FROM changed)
             - (SELECT coalesce(sum(size), 0) FROM replaced) AS bytes
    ) AS change
    WHERE usage.name = TG_TABLE_NAME AND change.bytes <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER stored_are_counted AFTER INSERT ON mo_parts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_stored();
CREATE TRIGGER removed_are_counted AFTER DELETE ON mo_parts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_removed();
CREATE TRIGGER replaced_are_counted AFTER UPDATE ON mo_parts
    REFERENCING NEW TABLE AS changed OLD TABLE AS replaced
    FOR EACH STATEMENT EXECUTE FUNCTION count_replaced();

CREATE TRIGGER stored_are_counted AFTER INSERT ON early_receipts
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_stored();
CREATE TRIGGER removed_are_counted AFTER DELETE ON early_receipts
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_removed();

-- Dead letters have a quota per sender.
CREATE INDEX dead_letters_number_hash ON dead_letters (number_hash);
