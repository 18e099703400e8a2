"""What came of a diff: counts by kind, some examples, a line of NDJSON for each difference.

Bounded: counts and a few examples in memory, the rest goes straight to the file. Subjects
are named by their random ids; no number, text or secret is in the log to begin with.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from pydantic_core import to_json

from inbound.replay.diff.classification import (
    KINDS,
    ClassifiedDifference,
    classify,
    differing_texts,
)
from inbound.replay.diff.protocol import CandidateDescription, DecisionDifference, StreamVerdict

EXAMPLES: Final = 3

_UNSEEN: Final = (
    (
        "Texts that left no event: no commands, repetitions within the minute, commands over "
        "the limit after the first of an hour, numbers that were answered with silence."
    ),
    "What delivery receipts meant: it is not decided again.",
)


@dataclass(slots=True)
class DiffReport:
    """Collects verdicts. `now` describes what is in force, `then` the candidate."""

    now: CandidateDescription
    then: CandidateDescription
    out: BinaryIO | None = None
    keep: int = EXAMPLES
    subjects: int = 0
    events: int = 0
    commands: int = 0
    results: int = 0
    differing: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    texts: Mapping[str, ClassifiedDifference] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compare the texts; each message of one that differs will count."""
        self.texts = differing_texts(self.now, self.then)
        for name, told in self.texts.items():
            now, then = self.now.texts[name], self.then.texts[name]
            self._write(
                {
                    "template": name,
                    "kinds": told.kinds,
                    "now": {"text": now.text, "parts": now.parts},
                    "candidate": {"text": then.text, "parts": then.parts},
                }
            )

    def add(self, verdicts: Sequence[StreamVerdict], events: int) -> None:
        """Count the verdicts of a batch of so many events."""
        self.subjects += len(verdicts)
        self.events += events
        for verdict in verdicts:
            self.commands += verdict.commands
            self.results += verdict.results
            for difference in verdict.differences:
                self._add_difference(verdict, difference)
            for version, template in verdict.messages:
                told = self.texts[template]
                where = {"subject": verdict.subject, "version": version, "template": template}
                self._count(told, where)

    def _add_difference(self, verdict: StreamVerdict, difference: DecisionDifference) -> None:
        told = classify(difference)
        where: dict[str, Any] = {
            "subject": verdict.subject,
            "version": difference.version,
            "request": difference.request,
            "of": difference.of,
            "disposition": difference.disposition,
        }
        if difference.error is not None:
            where["error"] = difference.error
        where["recorded"] = difference.recorded
        where["candidate"] = difference.decided
        self._count(told, where)

    def _count(self, told: ClassifiedDifference, where: Mapping[str, Any]) -> None:
        self.differing += 1
        self.kinds.update(told.kinds)
        for kind in told.kinds:
            kept = self.examples.setdefault(kind, [])
            if len(kept) < self.keep:
                kept.append(f"{where['subject']}/{where['version']}  {told.what}")
        self._write({"kinds": told.kinds, "what": told.what, **where})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self.out is not None:
            self.out.write(to_json(line) + b"\n")

    def by_kind(self) -> dict[str, int]:
        """Return how often each kind was met, the gravest first."""
        known = {kind: self.kinds[kind] for kind in KINDS if self.kinds[kind]}
        return known | {kind: count for kind, count in self.kinds.items() if kind not in KINDS}

    def unseen(self) -> list[str]:
        """Return what this diff can't show, in sentences: the general, then this candidate's."""
        return [*_UNSEEN, *_unseen_policies(self.now, self.then), *_unseen_texts(self)]


def _unseen_policies(now: CandidateDescription, then: CandidateDescription) -> list[str]:
    """Return what is lost because a rule was stricter than the candidate's."""
    before, after = now.policies, then.policies

    def differs(name: str) -> bool:
        return name in before and name in after and before[name] != after[name]

    told = []
    if differs("duplicate_within_s") and after["duplicate_within_s"] < before["duplicate_within_s"]:
        told.append(
            "duplicate_within_s is shorter than now: the candidate would accept repetitions "
            "that left no event."
        )
    if differs("commands_per_hour") and 0 < before["commands_per_hour"] < (
        after["commands_per_hour"] or float("inf")
    ):
        told.append(
            "commands_per_hour is higher than now: of the commands over the limit only the "
            "first of each hour left an event."
        )
    if differs("unknown_number") and before["unknown_number"] == "silent":
        told.append(
            "unknown_number is silent now: the candidate would answer numbers that left no event."
        )
    if differs("reply_valid_for_s"):
        told.append(
            "reply_valid_for_s differs: whether a message would have been sent in time is not "
            "decided again."
        )
    return told


def _unseen_texts(report: DiffReport) -> list[str]:
    told = [
        f"[{name}] unknown: messages without an answer would "
        f"{'go again' if report.then.texts[name].resend_unknown else 'not go again'}; "
        "that is not decided again."
        for name, text in report.now.texts.items()
        if name in report.then.texts
        and text.resend_unknown != report.then.texts[name].resend_unknown
    ]
    if report.texts:
        told.append(
            "Parts are counted with secrets of typical length; nobody's data was looked up."
        )
    return told
