"""The directory of clients on a real PostgreSQL."""

from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    conn,
    database_url,
    hasher,
    migrated_template,
    postgres_store,
)
