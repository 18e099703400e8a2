-- An MO that made no request is a rejected MO, everywhere.
ALTER TABLE misses RENAME TO rejected_mos;
ALTER TABLE rejected_mos RENAME CONSTRAINT misses_pkey TO rejected_mos_pkey;
ALTER INDEX misses_minute RENAME TO rejected_mos_minute;
