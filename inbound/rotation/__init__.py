"""Rotates the vault key and the subject key while the service runs."""
