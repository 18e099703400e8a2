"""Classifies the differences of a candidate's decisions, with a short description. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inbound.replay.diff.protocol import (
    CandidateDescription,
    DecisionDifference,
    EventFields,
    ReplyText,
)
from schemas.events import Plan, RequestAccepted
from schemas.order_events import OrderAccepted, OrderRefused

KINDS: Final[Mapping[str, str]] = {
    "refused": "was accepted; would be refused with a reply",
    "limited": "was accepted; would exceed the limit per hour",
    "duplicate": "was accepted; would be taken for a repetition",
    "silent": "was accepted; would get no reply, because the number is unknown",
    "not accepted": "was accepted; would not be, for a reason that this release does not know",
    "accepted": "exceeded the limit; would be accepted",
    "plan": "would be fulfilled differently",
    "confirm": "would get a fulfilment instead of none, or the reverse",
    "events": "other events would follow",
    "order refused": "an order was accepted; would be refused",
    "order accepted": "an order was refused; would be accepted",
    "order": "an order would be decided for another reason, time or price",
    "result": "a submit result would have another effect",
    "reply": "another message would be sent, or one more or less",
    "text": "a message would have another text",
    "parts": "a message would have another number of parts",
    "fields": "a message would lack client data that it had",
    "error": "the candidate could not decide",
}
"""Every kind, the most serious for a client first."""

_DISPOSITIONS: Final = {
    "limited": "limited",
    "duplicate": "duplicate",
    "unknown_number": "silent",
    "accepted": "accepted",
}
_ACCEPTED: Final = "accepted"
_OWN_KINDS: Final = ("plan", "confirm")


@dataclass(frozen=True, slots=True)
class ClassifiedDifference:
    """The kinds of a difference, and a short description."""

    kinds: tuple[str, ...]
    what: str


def classify(difference: DecisionDifference) -> ClassifiedDifference:
    """Classify one difference."""
    if difference.error is not None:
        return ClassifiedDifference(
            ("error",), difference.error.splitlines()[0] if difference.error else ""
        )
    if difference.of in {"result", "reply"}:
        return ClassifiedDifference((difference.of,), _from_to(difference))
    if difference.of == "order":
        return _of_order(difference)
    if difference.of == "limit" or difference.disposition != _ACCEPTED:
        disposition = str(difference.disposition)
        kind = _DISPOSITIONS.get(disposition, "not accepted")
        return ClassifiedDifference((kind,), f"{_command(difference)}: {disposition}")
    return _of_accepted(difference)


def _of_accepted(difference: DecisionDifference) -> ClassifiedDifference:
    """Classify a difference between two acceptances."""
    recorded, decided = _accepted(difference.recorded), _accepted(difference.decided)
    kinds, words = [], []
    if recorded.get("plan") != decided.get("plan"):
        refused = _refuses(decided) and not _refuses(recorded)
        kinds.append("refused" if refused else "plan")
        words.append(f"plan {recorded.get('plan')} -> {decided.get('plan')}")
    if recorded.get("confirm") != decided.get("confirm"):
        kinds.append("confirm")
        words.append(f"confirm {recorded.get('confirm')} -> {decided.get('confirm')}")
    others = [
        name
        for name in sorted(recorded.keys() | decided.keys())
        if name not in _OWN_KINDS and recorded.get(name) != decided.get(name)
    ]
    followed, follow = _without(difference.recorded), _without(difference.decided)
    if others or followed != follow:
        kinds.append("events")
        words += [f"{name} {recorded.get(name)} -> {decided.get(name)}" for name in others]
        if followed != follow:
            words.append(f"{_names(followed)} -> {_names(follow)}")
    return ClassifiedDifference(
        tuple(kinds) or ("events",), f"{_command(difference)}: {', '.join(words)}"
    )


def _of_order(difference: DecisionDifference) -> ClassifiedDifference:
    """Classify a difference between two decisions about an order."""
    recorded, decided = difference.recorded[:1], difference.decided[:1]
    types = [type_ for type_, _, _ in (*recorded, *decided)]
    kind = "order"
    if types == [OrderAccepted.TYPE, OrderRefused.TYPE]:
        kind = "order refused"
    elif types == [OrderRefused.TYPE, OrderAccepted.TYPE]:
        kind = "order accepted"
    before, after = ([data for _, _, data in events] for events in (recorded, decided))
    then, now = (before or [{}])[0], (after or [{}])[0]
    changed = [
        f"{name} {then.get(name)} -> {now.get(name)}"
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]
    about = f"{then.get('kind')} of {then.get('account')}"
    return ClassifiedDifference((kind,), f"{about}: {', '.join(changed) or _names(decided)}")


def differing_texts(
    now: CandidateDescription, then: CandidateDescription
) -> dict[str, ClassifiedDifference]:
    """Classify the differences of the texts that both have, by template."""
    found = {}
    for name, text in now.texts.items():
        other = then.texts.get(name)
        if other is not None and (kinds := tuple(_kinds_of_text(text, other))):
            words = f"{text.parts} -> {other.parts} parts" if "parts" in kinds else "another text"
            if missing := [field for field in text.fields if field not in other.fields]:
                words += f", without {', '.join(missing)}"
            found[name] = ClassifiedDifference(kinds, f"[{name}] {words}")
    return found


def _kinds_of_text(text: ReplyText, other: ReplyText) -> Iterator[str]:
    if text.text != other.text:
        yield "text"
    if text.parts != other.parts:
        yield "parts"
    if not set(text.fields) <= set(other.fields):
        yield "fields"


def _accepted(events: Sequence[EventFields]) -> dict[str, Any]:
    return next((data for type_, _, data in events if type_ == RequestAccepted.TYPE), {})


def _without(events: Sequence[EventFields]) -> list[Any]:
    return [[type_, data] for type_, _, data in events if type_ != RequestAccepted.TYPE]


def _refuses(accepted: Mapping[str, Any]) -> bool:
    try:
        return Plan(str(accepted.get("plan"))).refuses
    except ValueError:  # a plan of a newer release
        return False


def _command(difference: DecisionDifference) -> str:
    return next((str(data.get("command")) for _, _, data in difference.recorded), "command")


def _names(events: Sequence[Any]) -> str:
    return " + ".join(str(event[0]) for event in events) or "nothing"


def _from_to(difference: DecisionDifference) -> str:
    if difference.of == "reply":
        sent, owed = (
            [f"{purpose} [{template}]" for purpose, _, template in events]
            for events in (difference.recorded, difference.decided)
        )
        return f"{' + '.join(sent) or 'nothing'} -> {' + '.join(owed) or 'nothing'}"
    recorded, decided = (
        [(event[0], event[2]) for event in events]
        for events in (difference.recorded, difference.decided)
    )
    names = f"{_names(recorded)} -> {_names(decided)}"
    if [name for name, _ in recorded] != [name for name, _ in decided]:
        return names
    changed = {
        f"{field} {then.get(field)} -> {now.get(field)}"
        for (_, then), (_, now) in zip(recorded, decided, strict=True)
        for field in then.keys() | now.keys()
        if then.get(field) != now.get(field)
    }
    return ", ".join(sorted(changed)) or names
