"""Sealed rows on a real PostgreSQL."""

from tests.fix_store import conn, database_url, migrated_template

__all__ = ["conn", "database_url", "migrated_template"]
