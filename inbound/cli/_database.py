"""Connections of commands to the database."""

from typing import TYPE_CHECKING

from inbound.settings import Settings

if TYPE_CHECKING:
    import psycopg


def database_url(settings: Settings) -> str:
    """Return the URL of a database that this release can use.

    Blocks on the database. Raises `SetupError` when the setting is missing or the schema is
    too old, `RetryableError` when the database does not answer.
    """
    from inbound.store.migrations.runner import require_current

    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    require_current(url)
    return url


def open_database(
    settings: Settings, application_name: str, *, long: bool = False
) -> "psycopg.Connection":
    """Connect to the database. Blocks and raises as `database_url` does.

    `long` allows statements that take minutes.
    """
    from inbound.store.connections import connect

    return connect(database_url(settings), application_name, long=long)
