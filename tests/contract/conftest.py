"""The suites of this folder run against every adapter of a port."""

from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    database_url,
    hasher,
    migrated_template,
)
