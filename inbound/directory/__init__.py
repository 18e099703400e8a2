"""The client directory: its ports, their adapters, and the CSV import."""
