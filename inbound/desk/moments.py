"""Times as people type them, in the zone that pages show. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from schemas.moments import Moment

_ADDRESSED: Final = TypeAdapter[datetime](Moment)

# The first is what a browser's own field for day and time sends.
_FORMS: Final = (
    *("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"),
    *("%d.%m.%Y %H:%M", "%d.%m.%y %H:%M", "%Y-%m-%d %H:%M"),
)


class MomentError(ValueError):
    """A text is no moment of the zone; str() is a key of the desk's words."""


def parse_moment(text: str, zone: str) -> datetime:
    """Return the moment that a local time stands for, in UTC. Raises MomentError.

    A time that the clock shows twice, when summer time ends, is the earlier one.
    """
    text = " ".join(text.replace(",", " ").split())
    for form in _FORMS:
        try:
            local = datetime.strptime(text, form)  # noqa: DTZ007 — it is local
        except ValueError:
            continue
        break
    else:
        raise MomentError("Write day and time like 31.12.2026 18:30.")
    try:
        moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        raise MomentError("Write day and time like 31.12.2026 18:30.") from None
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise MomentError("The clock skips this time when summer time begins. Choose another.")
    return moment


def addressed_moment(text: str) -> datetime | None:
    """Return a moment that an address has, in UTC; None for anything else."""
    try:
        return _ADDRESSED.validate_python(text)
    except ValidationError:
        return None


def latest_time(now: datetime, days: int, zone: str) -> str:
    """Return the last minute that is up to `days` ahead, as pages show it."""
    return f"{(now + timedelta(days=days)).astimezone(ZoneInfo(zone)):%d.%m.%Y %H:%M}"


def input_time(moment: datetime, zone: str) -> str:
    """Return a moment as a browser's own field for day and time has it."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"
