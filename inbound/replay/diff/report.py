"""The report of a diff: counts by kind, examples, and an NDJSON line per difference.

Memory is bounded: it holds counts and examples, and writes the rest to the file. Subjects are
random ids; the event log contains no number, text or secret.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from pydantic_core import to_json

from inbound.printing import printable
from inbound.replay.diff.classification import (
    KINDS,
    ClassifiedDifference,
    classify,
    differing_texts,
)
from inbound.replay.diff.protocol import CandidateDescription, DecisionDifference, StreamVerdict

EXAMPLES: Final = 3
_LONGEST_EXAMPLE: Final = 500

_UNSEEN: Final = (
    (
        "Texts that left no event: rejected texts, repetitions within the minute, commands over "
        "the limit after the first of an hour, unanswered unknown numbers."
    ),
    (
        "The effect of delivery receipts, and what happened to orders while they waited: these are "
        "not decided again."
    ),
)


@dataclass(slots=True)
class DiffReport:
    """Collects verdicts. `now` describes the configuration in force, `then` the candidate."""

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
        """Compare the texts; every message with a changed text counts as a difference."""
        self.texts = differing_texts(self.now, self.then)
        for name, found in self.texts.items():
            now, then = self.now.texts[name], self.then.texts[name]
            self._write(
                {
                    "template": name,
                    "kinds": found.kinds,
                    "now": {"text": now.text, "parts": now.parts},
                    "candidate": {"text": then.text, "parts": then.parts},
                }
            )

    def add(self, verdicts: Sequence[StreamVerdict], events: int) -> None:
        """Add the verdicts of a batch; `events` is the number of events in it."""
        self.subjects += len(verdicts)
        self.events += events
        for verdict in verdicts:
            self.commands += verdict.commands
            self.results += verdict.results
            for difference in verdict.differences:
                self._add_difference(verdict, difference)
            for version, template in verdict.messages:
                found = self.texts[template]
                where = {"subject": verdict.subject, "version": version, "template": template}
                self._count(found, where)

    def _add_difference(self, verdict: StreamVerdict, difference: DecisionDifference) -> None:
        found = classify(difference)
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
        self._count(found, where)

    def _count(self, found: ClassifiedDifference, where: Mapping[str, Any]) -> None:
        self.differing += 1
        self.kinds.update(found.kinds)
        for kind in found.kinds:
            kept = self.examples.setdefault(kind, [])
            if len(kept) < self.keep:
                what = printable(found.what, _LONGEST_EXAMPLE)
                kept.append(f"{where['subject']}/{where['version']}  {what}")
        self._write({"kinds": found.kinds, "what": found.what, **where})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self.out is not None:
            self.out.write(as_json(line) + b"\n")

    def by_kind(self) -> dict[str, int]:
        """Return the counts by kind, most serious first."""
        known = {kind: self.kinds[kind] for kind in KINDS if self.kinds[kind]}
        return known | {kind: count for kind, count in self.kinds.items() if kind not in KINDS}

    def unseen(self) -> list[str]:
        """Return sentences about what this diff does not cover."""
        return [*_UNSEEN, *_unseen_policies(self.now, self.then), *_unseen_texts(self)]


def as_json(value: object) -> bytes:
    """Return JSON that is harmless to a terminal, whatever strings a candidate chose."""
    return printable(to_json(value).decode()).encode()


def _unseen_policies(now: CandidateDescription, then: CandidateDescription) -> list[str]:
    """Return the policies that are not covered because the current rule is stricter."""
    before, after = now.policies, then.policies

    def differs(name: str) -> bool:
        """Whether both have the policy, with different values that can be compared."""
        if name not in before or name not in after or before[name] == after[name]:
            return False
        return isinstance(after[name], int | float) or not isinstance(before[name], int | float)

    sentences = []
    if differs("duplicate_within_s") and after["duplicate_within_s"] < before["duplicate_within_s"]:
        sentences.append(
            "duplicate_within_s is shorter: the candidate would accept repetitions that left no "
            "event."
        )
    if differs("commands_per_hour") and 0 < before["commands_per_hour"] < (
        after["commands_per_hour"] or float("inf")
    ):
        sentences.append(
            "commands_per_hour is higher: of the commands over the current limit only the first "
            "of each hour left an event."
        )
    if differs("unknown_number") and before["unknown_number"] == "silent":
        sentences.append(
            "unknown_number is silent now: the candidate would answer numbers that left no event."
        )
    if differs("reply_valid_for_s"):
        sentences.append(
            "reply_valid_for_s differs: whether a message is sent in time is not decided again."
        )
    return sentences


def _unseen_texts(report: DiffReport) -> list[str]:
    sentences = [
        f"[{name}] unknown: unanswered messages would "
        f"{'be' if report.then.texts[name].resend_unknown else 'not be'} sent again; that is not "
        "decided again."
        for name, text in report.now.texts.items()
        if name in report.then.texts
        and text.resend_unknown != report.then.texts[name].resend_unknown
    ]
    if report.texts:
        sentences.append(
            "Parts are counted with secrets of typical length; no client data was read."
        )
    return sentences
