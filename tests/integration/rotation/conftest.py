"""Sealed rows on a real PostgreSQL."""

from tests.fix_store import conn, database_url, migrated_template, settings_of_the_service

__all__ = ["conn", "database_url", "migrated_template", "settings_of_the_service"]
