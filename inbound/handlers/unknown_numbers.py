"""Decides how many commands of unknown numbers are accepted. Pure.

Anyone who can spoof senders can text commands in the name of numbers that are no client's, each
of which would get an acknowledgement and a refusal. Nothing such a command asks for is done, so
beyond a ceiling it is dropped like a text that is no command: without reply, event or subject.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from inbound.handlers.policies import Policies
from inbound.handlers.registrations import half

MINUTE_PER_MILLE: Final = 1
MINUTE_FLOOR: Final = 30
HOUR_PER_MILLE: Final = 10
HOUR_FLOOR: Final = 300


@dataclass(frozen=True, slots=True)
class UnknownNumbersUsed:
    """How many commands of unknown numbers were accepted within the last minute and hour.

    By SMS centre; `centres` are those of the service.
    """

    minute: Mapping[str, int] = field(default_factory=dict)
    hour: Mapping[str, int] = field(default_factory=dict)
    centres: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UnknownNumberCeilings:
    """How many commands of unknown numbers are accepted; None for no limit."""

    minute: int | None
    hour: int | None

    @property
    def limit(self) -> bool:
        """Whether there is a ceiling."""
        return (self.minute, self.hour) != (None, None)


def unknown_number_ceilings(policies: Policies, clients: int) -> UnknownNumberCeilings:
    """Return the ceilings in force for a directory with so many numbers."""
    return UnknownNumberCeilings(
        _ceiling(policies.unknown_numbers_per_minute, MINUTE_PER_MILLE, MINUTE_FLOOR, clients),
        _ceiling(policies.unknown_numbers_per_hour, HOUR_PER_MILLE, HOUR_FLOOR, clients),
    )


def admit(
    centres: Sequence[str], used: UnknownNumbersUsed, limits: UnknownNumberCeilings
) -> list[bool]:
    """Return which commands of unknown numbers are accepted, given the SMS centre of each in order.

    Of several SMS centres each gets half of a ceiling at most, so a hostile one leaves the others
    the rest.
    """
    several = len(used.centres | set(centres)) > 1
    spans = [
        (limit, half(limit) if several else limit, Counter(counts))
        for limit, counts in ((limits.minute, used.minute), (limits.hour, used.hour))
        if limit is not None
    ]
    admitted = []
    for centre in centres:
        has_room = all(
            counts.total() < limit and counts[centre] < share for limit, share, counts in spans
        )
        if has_room:
            for _, _, counts in spans:
                counts[centre] += 1
        admitted.append(has_room)
    return admitted


def _ceiling(setting: int | None, per_mille: int, floor: int, clients: int) -> int | None:
    if setting is None:
        return max(floor, ceil(clients * per_mille / 1000))
    return setting or None
