"""How commands print counts and times."""

from datetime import datetime


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun in the right form; the default plural adds an s."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def utc(moment: datetime, *, seconds: bool = True) -> str:
    """Return a UTC time as commands print it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if seconds else f"{moment:%Y-%m-%d %H:%M} UTC"
