"""The transaction of one batch: its port, and its adapters for PostgreSQL and memory."""
