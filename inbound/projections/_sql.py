"""SQL stands in `sql/NAME.sql`, one statement each; this reads it.

Statements name the tables of a projection without a schema: the same ones serve the live
tables, those of a rebuild and those of a check (see `inbound.projections.places`).
"""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """Return the statement `name`. Modules call it at import, so a missing file shows at once."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
