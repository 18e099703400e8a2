"""Callbacks on a database of their own."""

from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    conn,
    database_url,
    hasher,
    migrated_template,
    settings_of_the_service,
)
