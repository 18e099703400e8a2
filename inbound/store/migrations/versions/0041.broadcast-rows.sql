-- Files about recipients and excluded rows have the shape of the table that was loaded.

-- `column_order` has, for each column of that table, its index in msisdn and `columns`; NULL is that
-- order itself. `separator` is that of a CSV file.
ALTER TABLE broadcasts
    ADD COLUMN column_order smallint[],
    ADD COLUMN separator    text;

-- The row of the table, and what it held if the text doesn't use all of its columns. NULL for older
-- broadcasts.
ALTER TABLE broadcast_recipients
    ADD COLUMN row_no     integer,
    ADD COLUMN row_sealed bytea;
