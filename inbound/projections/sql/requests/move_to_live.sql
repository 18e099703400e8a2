ALTER TABLE requests SET SCHEMA projections
