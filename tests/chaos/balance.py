"""The balance: compares what the SMS centre accepted with the event log. Pure.

For each client: every accepted text made a request, in the same order; every request has its
acknowledgement and its fulfilment, unless its last attempt has an unknown outcome; and the log has
an unknown outcome for each additional copy that the SMS centre accepted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from schemas.events import EVENTS
from schemas.message_events import MessageEvent
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.chaos.traffic import TextingClient
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STARTED, STOPPED, Event

Copy = tuple[str, int]
"""Template and part of a message; part 0 is a message in one PDU."""

MOST_COPIES: Final = 3
"""Of one message, by the policy `resend`; by `drop` it is one."""

_ACKNOWLEDGEMENT: Final = "acknowledgement"
_SUBMITTED: Final = "message.submitted"
_DELIVERED: Final = "message.delivered"
_RESULTS: Final = {event.TYPE for event in EVENTS if issubclass(event, MessageEvent)}
_WORDS: Final = {ACKNOWLEDGEMENT: _ACKNOWLEDGEMENT, STOPPED: "stopped", STARTED: "started"}


@dataclass(slots=True)
class Balance:
    """The figures. A guarantee broke when `broken` is not empty."""

    requests: int = 0
    orders: int = 0
    after_stop: int = 0
    lost: int = 0
    doubled: int = 0
    doubled_allowed: int = 0
    unknown: int = 0
    given_up: int = 0
    delivered: int = 0
    unreported: int = 0
    max_copies: int = 0
    too_many_copies: int = 0
    out_of_order: int = 0
    late: int = 0
    garbled: int = 0
    unfinished: int = 0
    log_gaps: int = 0
    projections_differ: int = 0
    leaks: int = 0
    what: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """Which figures have to be 0 and are not."""
        figures = asdict(self)
        allowed = {
            "requests",
            "orders",
            "doubled_allowed",
            "unknown",
            "given_up",
            "delivered",
            "unreported",
            "max_copies",
            "late",
            "what",
        }
        must = figures.keys() - allowed
        return sorted(name for name in must if figures[name])

    def say(self, figure: str, count: int, what: str) -> None:
        """Add to a figure and remember why."""
        if count:
            setattr(self, figure, getattr(self, figure) + count)
            self.what.append(f"{figure} {count}: {what}")


def balance(
    people: Iterable[TextingClient],
    taken: Iterable[AcceptedSubmit],
    streams: Mapping[str, Sequence[Event]],
    parts: Mapping[str, Sequence[str]],
    dropped: Collection[str] = (),
) -> Balance:
    """Return the figures. `streams` are events by number, `parts` each one's registration.

    `dropped` are the templates whose policy is `drop`.
    """
    result = Balance()
    by_number: dict[str, list[AcceptedSubmit]] = {}
    for copy in taken:
        by_number.setdefault(copy.number, []).append(copy)
    for person in people:
        number = person.client.number
        copies = by_number.get(number, [])
        _person(result, person, copies, streams.get(number, ()), parts[number], dropped)
    return result


def check_log(
    result: Balance, positions: Sequence[int], versions: Mapping[str, Sequence[int]]
) -> None:
    """Hold positions and versions of the whole log against 1, 2, 3, ..."""
    if list(positions) != list(range(1, len(positions) + 1)):
        result.say("log_gaps", 1, "positions of the log are not 1, 2, 3, ...")
    for stream, seen in versions.items():
        if list(seen) != list(range(1, len(seen) + 1)):
            result.say("log_gaps", 1, f"versions of stream {stream} are {seen}")


def _person(
    result: Balance,
    person: TextingClient,
    taken: Sequence[AcceptedSubmit],
    events: Sequence[Event],
    registration: Sequence[str],
    dropped: Collection[str],
) -> None:
    who = person.client.number
    accepted = [event for event in events if event.type == "request.accepted"]
    result.requests += len(accepted)
    _requests(result, who, [text.command for text in person.texts if text.accepted_at], accepted)
    open_ = {event.data["request_id"] for event in accepted}
    open_ -= {event.data["request_id"] for event in events if event.type == "request.completed"}
    result.say("unfinished", len(open_), f"{who}: requests {sorted(open_)}")
    result.late += sum(event.type == "acknowledgement.late" for event in events)
    reported = {event.data["message_id"] for event in events if event.type == _DELIVERED}
    submitted = {event.data["message_id"] for event in events if event.type == _SUBMITTED}
    result.delivered += len(reported)
    result.unreported += len(submitted - reported)
    _copies(result, who, taken, events, registration, dropped)


def _requests(result: Balance, who: str, texted: Sequence[str], accepted: Sequence[Event]) -> None:
    made = [event.data["command"] for event in accepted]
    missing, extra = Counter(texted) - Counter(made), Counter(made) - Counter(texted)
    result.say("lost", missing.total(), f"{who}: texts {dict(missing)} made no request")
    result.say("doubled", extra.total(), f"{who}: requests {dict(extra)} without a text")
    if not missing and not extra and list(texted) != made:
        result.say("out_of_order", 1, f"{who}: texted {list(texted)}, accepted {made}")


def _copies(
    result: Balance,
    who: str,
    taken: Sequence[AcceptedSubmit],
    events: Sequence[Event],
    registration: Sequence[str],
    dropped: Collection[str],
) -> None:
    copies: Counter[Copy] = Counter()
    seen: list[Copy] = []
    for one in taken:
        kind = _kind(one, registration)
        if kind is None:
            result.say("garbled", 1, f"{who}: got a message that it should not get")
        else:
            copies[kind, one.part] += 1
            seen.append((kind, one.part))
    owed = _owed(events, len(registration))
    attempts = _unknown_attempts(events)
    unknown = Counter(template for template, _, _ in attempts)
    given_up = Counter(template for (template, _, _), final in attempts.items() if final)
    result.unknown += unknown.total()
    if not unknown:
        accepted = [event for event in events if event.type == "request.accepted"]
        _order(result, who, seen, accepted, len(registration))
    for copy in owed.keys() | copies.keys():
        template, part = copy
        more = copies[copy] - owed[copy]
        allowed = min(max(more, 0), unknown[template])
        result.doubled_allowed += allowed
        result.say(
            "doubled",
            max(more, 0) - allowed,
            f"{who}: {template} part {part}, {more} more than expected",
        )
        gone = min(max(-more, 0), given_up[template])
        result.given_up += gone
        result.say("lost", max(-more, 0) - gone, f"{who}: {template} part {part}, {-more} missing")
        most = _most_copies(events, template, copies[copy], owed[copy])
        result.max_copies = max(result.max_copies, most)
        limit = 1 if template in dropped else MOST_COPIES
        result.say("too_many_copies", int(most > limit), f"{who}: {template} {part}, {most} copies")


def _unknown_attempts(events: Sequence[Event]) -> dict[tuple[str, str, int], bool]:
    """Return the unknown attempts by template, message and number, and whether each was final.

    Two gateways may report the same one: the one that made it, and the one that took over.
    """
    attempts: dict[tuple[str, str, int], bool] = {}
    for event in events:
        if event.type == "message.unknown":
            data = event.data
            attempt = data["template"], data["message_id"], data["attempt"]
            attempts[attempt] = attempts.get(attempt, False) or data["final"]
    return attempts


def _most_copies(events: Sequence[Event], template: str, copies: int, owed: int) -> int:
    """Return how many copies of one message there were at most.

    Texts of a kind are equal, so copies can't be told apart. One message has no more copies than
    attempts, and no more than the other messages leave over.
    """
    attempts = [
        event.data["attempt"]
        for event in events
        if event.type in _RESULTS and event.data["template"] == template
    ]
    return min(max(attempts, default=0), max(copies - max(owed - 1, 0), 1)) if copies else 0


def _kind(one: AcceptedSubmit, registration: Sequence[str]) -> str | None:
    if one.part:
        fits = one.total == len(registration) and registration[one.part - 1] == one.text
        return "registration" if fits else None
    return _WORDS.get(one.text)


def _order(
    result: Balance,
    who: str,
    seen: Sequence[Copy],
    accepted: Sequence[Event],
    last_part: int,
) -> None:
    """The nth fulfilment of a kind comes after the acknowledgement of the nth such request.

    Only for those to whom nothing came twice: there the copies can be told apart.
    """
    plans = [event.data["plan"] for event in accepted]
    after = {
        plan: [index for index, one in enumerate(plans, 1) if one == plan] for plan in set(plans)
    }
    acknowledged = 0
    come: Counter[str] = Counter()
    for kind, part in seen:
        if kind == _ACKNOWLEDGEMENT:
            acknowledged += 1
        elif part in {0, last_part} and come[kind] < len(after.get(kind, ())):
            too_early = acknowledged < after[kind][come[kind]]
            result.say("out_of_order", int(too_early), f"{who}: {kind} before its acknowledgement")
            come[kind] += 1


def _owed(events: Sequence[Event], registration_parts: int) -> Counter[Copy]:
    owed: Counter[Copy] = Counter()
    for event in events:
        if event.type != "request.accepted":
            continue
        owed[_ACKNOWLEDGEMENT, 0] += 1
        template = event.data["plan"]
        if template == "registration":
            for part in range(1, registration_parts + 1):
                owed[template, part] += 1
        else:
            owed[template, 0] += 1
    return owed


def as_json(result: Balance) -> dict[str, Any]:
    """Return the figures without their reasons."""
    figures = asdict(result)
    del figures["what"]
    return figures
