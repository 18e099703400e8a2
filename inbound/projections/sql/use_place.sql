-- Until the end of the transaction: tables without a schema are those of this place, and a
-- commit does not wait for the disk. Rows and place are lost together or not at all, and
-- what is lost is read from the log again.
SELECT set_config('search_path', %(place)s, true),
       set_config('synchronous_commit', 'off', true)
