"""What the decider tells, and candidates that decide otherwise."""

from collections.abc import Sequence
from typing import Any

from inbound.handlers.decision import Decision, Reply
from inbound.handlers.results import decide_result
from inbound.handlers.state import SubjectState
from inbound.replay.diff.protocol import DecisionDifference

SAME: list[DecisionDifference] = []


def told(found: Sequence[DecisionDifference]) -> list[tuple[int, str, str | None]]:
    return [(one.version, one.of, one.disposition) for one in found]


def altered(**changes: Any) -> Any:
    """`decide_result` with its replies changed."""
    original = decide_result

    def decide(state: SubjectState, result: Any) -> Decision:
        decision = original(state, result)
        replies = tuple(
            Reply(**{name: changes.get(name, getattr(reply, name)) for name in Reply.__slots__})
            for reply in decision.replies
        )
        return Decision(decision.disposition, decision.events, replies)

    return decide
