-- Autovacuum does not see temporary tables; without this the merge is planned for a few rows.
ANALYZE incoming_clients
