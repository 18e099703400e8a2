-- With which subject key a process was started; NULL: by a release that does not report it.
ALTER TABLE process_keys ADD COLUMN subject_fingerprint bytea;
