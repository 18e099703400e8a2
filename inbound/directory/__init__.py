"""The client directory: ports, adapters, and the import of tables."""
