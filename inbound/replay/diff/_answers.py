"""Reads the answers of a candidate, which may say anything.

Anything but an answer to the question raises `NoAnswerError`. Texts have a maximum length here; the
report escapes them where it prints them.
"""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from annotated_types import MaxLen
from pydantic import TypeAdapter, ValidationError

from inbound.field_rules import rule_of
from inbound.printing import printable
from inbound.replay.diff._line_process import NoAnswerError
from inbound.replay.diff.protocol import (
    PROTOCOL,
    CandidateDescription,
    DecisionDifference,
    PastStream,
    ReplyText,
    StreamVerdict,
)

_LONGEST_ERROR: Final = 300
_LONGEST_NAME: Final = 100
_SUBJECTS: Final = {"command", "limit", "order", "result", "reply"}

_Name = Annotated[str, MaxLen(_LONGEST_NAME)]
_RELEASE: Final = TypeAdapter[str](_Name)
_POLICIES: Final = TypeAdapter[dict[str, Any]](Annotated[dict[_Name, Any], MaxLen(200)])
_TEXTS: Final = TypeAdapter[dict[str, tuple[str, int, list[str], bool]]](
    Annotated[
        dict[
            _Name,
            tuple[Annotated[str, MaxLen(5000)], int, Annotated[list[_Name], MaxLen(50)], bool],
        ],
        MaxLen(500),
    ]
)
_DIFFERENCES: Final = TypeAdapter(list[DecisionDifference])


def read_isolation(answer: dict[str, Any]) -> str | None:
    """Return why the candidate is not isolated; None if it is, or needn't be."""
    return printable(str(answer["refused"]), _LONGEST_ERROR) if "refused" in answer else None


def read_description(answer: dict[str, Any]) -> CandidateDescription:
    """Return what a candidate says about itself."""
    if "error" in answer:
        raise NoAnswerError(printable(str(answer["error"]), _LONGEST_ERROR))
    if answer.get("protocol") != PROTOCOL:
        spoken = printable(str(answer.get("protocol")), _LONGEST_NAME)
        raise NoAnswerError(f"speaks replay protocol {spoken}, not {PROTOCOL}")
    try:
        texts = _TEXTS.validate_python(answer["texts"])
        return CandidateDescription(
            _RELEASE.validate_python(answer["release"]),
            _POLICIES.validate_python(answer["policies"]),
            {
                name: ReplyText(text, parts, tuple(fields), resend)
                for name, (text, parts, fields, resend) in texts.items()
            },
        )
    except (KeyError, ValidationError) as error:
        raise NoAnswerError(f"sent a description of another form: {_place(error)}") from None


def read_verdicts(
    answer: dict[str, Any], batch: Sequence[PastStream], asked: Collection[str]
) -> list[StreamVerdict]:
    """Return the verdicts of a batch, one per subject."""
    try:
        verdicts = [
            StreamVerdict(
                UUID(s), int(c), int(r), _differences(ds), [(int(m[0]), str(m[1])) for m in ms]
            )
            for s, c, r, ds, ms in answer["verdicts"]
        ]
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise NoAnswerError(f"sent an answer of another form: {_place(error)}") from None
    if [verdict.subject for verdict in verdicts] != [stream.subject for stream in batch]:
        raise NoAnswerError("answered for other subjects than asked")
    for verdict, stream in zip(verdicts, batch, strict=True):
        if not _can_be_about(verdict, len(stream.events), asked):
            raise NoAnswerError(f"answered about more than happened to subject {stream.subject}")
    return verdicts


def _differences(found: Any) -> list[DecisionDifference]:  # noqa: ANN401 — as the candidate said it
    differences = _DIFFERENCES.validate_python(found) if found else []
    for one in differences:
        data = str if one.of == "reply" else dict
        events = (*one.recorded, *one.decided)
        if one.of not in _SUBJECTS or not all(
            isinstance(what, data) and len(name) <= _LONGEST_NAME for name, _, what in events
        ):
            raise ValueError("a difference has other events than its kind")
        named = (one.request or "", one.disposition or "")
        if any(len(name) > _LONGEST_NAME for name in named) or (
            one.error is not None and len(one.error) > _LONGEST_ERROR
        ):
            raise ValueError("a text of a difference is too long")
    return differences


def _can_be_about(verdict: StreamVerdict, events: int, asked: Collection[str]) -> bool:
    versions = [difference.version for difference in verdict.differences]
    versions += [version for version, _ in verdict.messages]
    return (
        0 <= verdict.commands <= events
        and 0 <= verdict.results <= events
        and all(0 < version <= events for version in versions)
        and all(template in asked for _, template in verdict.messages)
    )


def _place(error: Exception) -> str:
    """Describe an error without the value that caused it, which may have any length."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return printable(f"{place}: {rule_of(first)}", _LONGEST_ERROR)
    return printable(repr(error), _LONGEST_ERROR)
