"""Formats the switch, the ceilings and held requests for `scserv registrations`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inbound.cli._format import counted
from inbound.cli._times import local
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Ceilings, ceilings
from inbound.store.registrations.rows import HeldRegistration, RegistrationsUsed
from inbound.store.registrations.status import RegistrationStatus
from inbound.store.worker_policies import ReportedPolicies


@dataclass(frozen=True, slots=True)
class RegistrationsShown:
    """What is shown: the switch, the counts, and the policies that workers reported.

    `own` are the policies of the command's settings: they count only if no worker has reported.
    """

    found: RegistrationStatus
    used: RegistrationsUsed
    reported: Sequence[ReportedPolicies]
    own: Policies

    def limits(self, policies: Policies) -> Ceilings:
        """Return the ceilings in force by these policies."""
        return ceilings(policies, self.found.clients, len(self.used.centres))

    @property
    def policies(self) -> Policies:
        """The policies of most workers, or the command's own."""
        return self.reported[0].policies if self.reported else self.own


def status_object(shown: RegistrationsShown) -> dict[str, object]:
    """Return the state of registrations as JSON."""
    found, used, limits = shown.found, shown.used, shown.limits(shown.policies)
    return {
        "off": found.off,
        "changed_at": found.changed_at,
        "changed_by": found.changed_by,
        "reason": found.reason,
        "minute": {"sent": used.minute, "ceiling": limits.minute},
        "hour": {"sent": used.hour, "ceiling": limits.hour},
        "centre_minute": {"sent": used.centre_minute, "ceiling": limits.centre_minute},
        "centre_hour": {"sent": used.centre_hour, "ceiling": limits.centre_hour},
        "need": shown.policies.registrations_need,
        "workers": [
            {
                "workers": one.workers,
                "age_s": round(one.age_s, 1),
                "need": one.policies.registrations_need,
                **_ceilings_object(shown.limits(one.policies)),
            }
            for one in shown.reported
        ],
        "held": found.held,
        "held_in_hour": found.held_in_hour,
        "clients": found.clients,
    }


def status_lines(shown: RegistrationsShown, zone: str) -> Iterator[str]:
    """Yield the state of registrations in words."""
    found, used, limits = shown.found, shown.used, shown.limits(shown.policies)
    state = "off" if found.off else "on"
    if found.changed_at is not None:
        state += f", by {found.changed_by} at {local(found.changed_at, zone)}: {found.reason}"
    yield f"registrations are {state}"
    yield f"sent within a minute: {_of(used.minute, limits.minute)}"
    yield f"sent within an hour: {_of(used.hour, limits.hour)}"
    for centre, sent in sorted(used.centre_hour.items()):
        line = f"  asked for through {centre}: {_of(sent, limits.centre_hour)} in the hour"
        if limits.centre_minute is not None:
            minute = used.centre_minute.get(centre, 0)
            line += f", {_of(minute, limits.centre_minute)} in the minute"
        yield line
    if shown.policies.registrations_need == "open_case":
        yield "sent only to clients with an open case"
    yield from _workers(shown)
    yield f"numbers in the directory: {found.clients}"
    first = found.first_expires_at
    yield f"held: {found.held}" + (f"; the first expires at {local(first, zone)}" if first else "")


def _workers(shown: RegistrationsShown) -> Iterator[str]:
    """Yield whose ceilings these are."""
    if not shown.reported:
        yield (
            "no worker has reported its policies within 90 s: these ceilings are those of this"
            " command's settings"
        )
        return
    first, *others = shown.reported
    yield f"ceilings of {_names(first)}"
    for other in others:
        limits = _ceilings_object(shown.limits(other.policies))
        values = ", ".join(f"{name} {_ceiling(value)}" for name, value in limits.items())
        need = other.policies.registrations_need
        yield f"workers differ! {_names(other)}: {values}, need {need}"


def _names(one: ReportedPolicies) -> str:
    count = counted(len(one.workers), "worker")
    return f"{count} ({', '.join(one.workers)}), reported {one.age_s:.0f} s ago"


def _ceilings_object(limits: Ceilings) -> dict[str, int | None]:
    return {
        "minute": limits.minute,
        "hour": limits.hour,
        "centre_minute": limits.centre_minute,
        "centre_hour": limits.centre_hour,
    }


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


def held_line(one: HeldRegistration, number: str, zone: str) -> str:
    """Return a held request as one line."""
    return (
        f"{one.request_id}  {number}  {one.bind}  {one.reason}  held {local(one.held_at, zone)}, "
        f"until {local(one.until, zone)}"
    )


def _of(sent: int, ceiling: int | None) -> str:
    return f"{sent}, no ceiling" if ceiling is None else f"{sent} of {ceiling}"


def _ceiling(value: int | None) -> str:
    return "none" if value is None else str(value)
