"""Seals everything in the database with the next vault key, while the service runs."""
