"""Loads named SQL statements: one `.sql` file per concern, beside the modules that use it.

    -- name: find_key
    SELECT fingerprint FROM key_checks WHERE name = %(name)s

Modules take their statements at import, so a missing file, an unknown name or a name that
is defined twice stops the process at once, and nothing is read from disk per call. Lines that are
comments stay in the file: they are not sent to the server.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

_NAME: Final = re.compile(r"^-- name: (\w+)[ \t]*\n", re.MULTILINE)
_COMMENT_LINE: Final = re.compile(r"^[ \t]*--.*\n", re.MULTILINE)


Query = tuple[bytes, dict[str, Any]]
"""A statement and its parameters."""


class StatementError(LookupError):
    """A statement is unknown, empty, or defined twice."""


class Statements:
    """The statements of one file; `unused` are those that no module has taken."""

    def __init__(self, source: str, text: str) -> None:
        """Parse the text of a file; `source` names it in errors. Raises StatementError."""
        self._source = source
        self._statements: dict[str, bytes] = {}
        _, *parts = _NAME.split(text)
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            statement = _COMMENT_LINE.sub("", body).strip()
            if not statement:
                raise StatementError(f"{source}: {name} is empty")
            if name in self._statements:
                raise StatementError(f"{source}: {name} is defined twice")
            self._statements[name] = statement.encode()
        self.unused = set(self._statements)

    def __contains__(self, name: str) -> bool:
        """Return whether there is a statement of this name."""
        return name in self._statements

    def __getitem__(self, name: str) -> bytes:
        """Return the statement of this name. Raises StatementError."""
        try:
            statement = self._statements[name]
        except KeyError:
            raise StatementError(f"{self._source} has no statement {name}") from None
        self.unused.discard(name)
        return statement


@cache
def statements(package: str, name: str) -> Statements:
    """Return the statements of `NAME.sql` in a package; the same object at every call."""
    text = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    return Statements(f"{package}/{name}.sql", text)
