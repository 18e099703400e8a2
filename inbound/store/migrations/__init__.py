"""Numbered migrations in `versions/`, and the runner that applies them."""
