"""SQL stands in `sql/NAME.sql`, one statement each; this reads it."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """Return the statement `name`. Modules call it at import, so a missing file shows at once."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
