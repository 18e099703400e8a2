"""How `scserv registrations` shows the switch, the ceilings, and held requests."""

from collections.abc import Iterator

from inbound.cli._format import utc
from inbound.handlers.registrations import Ceilings
from inbound.store.registrations.rows import HeldRegistration, RegistrationsUsed
from inbound.store.registrations.status import RegistrationStatus


def status_object(
    found: RegistrationStatus, used: RegistrationsUsed, limits: Ceilings
) -> dict[str, object]:
    """Return the state of registrations as JSON."""
    return {
        "off": found.off,
        "changed_at": found.changed_at,
        "changed_by": found.changed_by,
        "reason": found.reason,
        "minute": {"sent": used.minute, "ceiling": limits.minute},
        "hour": {"sent": used.hour, "ceiling": limits.hour},
        "centre_hour": {"sent": used.centre_hour, "ceiling": limits.centre_hour},
        "held": found.held,
        "held_in_hour": found.held_in_hour,
        "clients": found.clients,
    }


def status_lines(
    found: RegistrationStatus, used: RegistrationsUsed, limits: Ceilings
) -> Iterator[str]:
    """Yield the state of registrations in words."""
    state = "off" if found.off else "on"
    if found.changed_at is not None:
        state += f", by {found.changed_by} at {utc(found.changed_at)}: {found.reason}"
    yield f"registrations are {state}"
    yield f"sent within a minute: {_of(used.minute, limits.minute)}"
    yield f"sent within an hour: {_of(used.hour, limits.hour)}"
    for centre, sent in sorted(used.centre_hour.items()):
        yield f"  asked for through {centre}: {_of(sent, limits.centre_hour)}"
    yield f"numbers in the directory: {found.clients}"
    first = found.first_expires_at
    yield f"held: {found.held}" + (f"; the first expires at {utc(first)}" if first else "")


def held_object(one: HeldRegistration, number: str) -> dict[str, object]:
    """Return a held request as JSON."""
    return {
        "request_id": one.request_id,
        "subject_id": one.subject_id,
        "number": number,
        "centre": one.centre,
        "bind": one.bind,
        "reason": one.reason,
        "held_at": one.held_at,
        "until": one.until,
    }


def held_line(one: HeldRegistration, number: str) -> str:
    """Return a held request as one line."""
    return (
        f"{one.request_id}  {number}  {one.bind}  {one.reason}  held {utc(one.held_at)}, "
        f"until {utc(one.until)}"
    )


def _of(sent: int, ceiling: int | None) -> str:
    return f"{sent}, no ceiling" if ceiling is None else f"{sent} of {ceiling}"
