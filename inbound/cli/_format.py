"""How commands print counts and times."""

from datetime import datetime

from inbound.plurals import counted as counted  # noqa: PLC0414 — exported


def utc(moment: datetime, *, seconds: bool = True) -> str:
    """Return a UTC time as commands print it."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if seconds else f"{moment:%Y-%m-%d %H:%M} UTC"
