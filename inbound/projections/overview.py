"""How far behind the live projections are."""

from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.projections._sql import statement
from inbound.store.connecting import called

_LAGS: Final = statement("lags")


@dataclass(frozen=True, slots=True)
class Lag:
    """One live projection: how many events it does not show yet, and the age of the oldest."""

    name: str
    version: int
    position: int
    events: int
    seconds: float


@called
def lags(conn: psycopg.Connection) -> dict[str, Lag]:
    """Return the lag of each live projection, by the clock of the database."""
    return {row[0]: Lag(*row) for row in conn.execute(_LAGS)}
