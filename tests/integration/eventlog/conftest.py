"""A generated log on a real PostgreSQL, to be tampered with, exported and imported."""

from tests.integration.projections.conftest import conn, filled_template, migrated_template, url

__all__ = ["conn", "filled_template", "migrated_template", "url"]
