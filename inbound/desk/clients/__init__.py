"""The directory of clients, and its import."""
