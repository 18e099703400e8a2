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
    settings: Settings, application_name: str, *, long: bool = False, unseals: bool = False
) -> "psycopg.Connection":
    """Connect to the database. Blocks and raises as `database_url` does.

    `long` allows statements that take minutes. `unseals`: raise `SetupError` for a vault key that
    can't open what is sealed there, before anything else is done.
    """
    from inbound.startup import require_vault_key
    from inbound.store.connections import connect

    conn = connect(database_url(settings), application_name, long=long)
    if unseals:
        try:
            require_vault_key(conn, settings)
        except BaseException:
            conn.close()
            raise
    return conn
