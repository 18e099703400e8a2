"""Who the clients are: the port, its adapters, and the CSV import."""
