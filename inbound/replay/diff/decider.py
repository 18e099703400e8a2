"""Folds one stream and decides its past requests and orders again. Pure: no IO, no clock.

The state before each decision is folded from the recorded events, so every decision is judged
alone and one difference does not cause a hundred others. With `carry` the candidate's own events
are folded instead, from the first selected decision on.

A recorded decision is a run of events: the first one, and those that follow from it and name the
same request or order. Events that moved, cancelled or expired a waiting order are folded and not
decided again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from inbound.handlers.commands import decide_command
from inbound.handlers.decision import Decision, Disposition, Reply
from inbound.handlers.order_results import decide_order_result, is_order_awaited
from inbound.handlers.orders import decide_order, request_of_order
from inbound.handlers.policies import Policies
from inbound.handlers.replay_inputs import request_of, request_of_limited, result_of
from inbound.handlers.results import decide_result, fulfilment_of, is_awaited
from inbound.handlers.state import Gate, Stage, SubjectState, evolve
from inbound.replay.diff.differences import (
    another_decision,
    another_reply,
    is_same,
    no_decision,
    unexpected_reply,
)
from inbound.replay.diff.protocol import DecisionDifference, PastEvent, StreamVerdict
from inbound.replay.diff.runs import Run, about, recorded_runs
from schemas.events import CommandLimitReached, DomainEvent, RequestAccepted
from schemas.message_events import MessageEvent, MessageUnknown
from schemas.messages import Purpose
from schemas.order_events import (
    OrderAccepted,
    OrderDecided,
    OrderRefused,
)
from schemas.registration_events import RegistrationRefused, RegistrationReleased


@dataclass(frozen=True, slots=True)
class Decider:
    """Decides again with the handlers of this release.

    `templates` are the names of existing templates; messages of those in `asked` are counted.
    """

    policies: Policies
    templates: Collection[str]
    asked: Collection[str] = ()
    carry: bool = False

    def judge(
        self,
        subject: UUID,
        events: Sequence[PastEvent],
        announce: Callable[[int], None] | None = None,
    ) -> StreamVerdict:
        """Return the differences in one stream. An exception of a handler is a difference.

        `announce` gets the version of each event before it is read, and before it is decided.
        """
        judging = _Judging(self, subject)
        for run in recorded_runs(events, judging.fail, announce):
            if announce is not None:
                announce(run[0][0].version)
            if not judging.take(run):
                break
        return StreamVerdict(
            subject, judging.commands, judging.results, judging.differences, judging.messages
        )


@dataclass(slots=True)
class _Judging:
    """The state of judging one stream."""

    decider: Decider
    subject: UUID
    state: SubjectState = field(default_factory=SubjectState)
    previous: RequestAccepted | None = None
    commands: int = 0
    results: int = 0
    differences: list[DecisionDifference] = field(default_factory=list)
    messages: list[tuple[int, str]] = field(default_factory=list)
    _owed: dict[tuple[UUID, Purpose], Reply | None] = field(default_factory=dict)
    _changed: set[UUID] = field(default_factory=set)

    def take(self, run: Run) -> bool:
        """Judge a recorded decision if selected, and fold it; False if it can't be folded."""
        stored, begins = run[0]
        decision: Decision | None = None
        if isinstance(begins, MessageEvent):
            self._compare_reply(stored, begins)
        if stored.selected:
            decision = self._decide(stored, begins)
            if decision is not None:
                self._compare(run, decision)
        if isinstance(begins, RequestAccepted):
            self.previous = begins
        if isinstance(begins, RegistrationReleased | RegistrationRefused):
            self._end_hold(begins)
        carried = self.decider.carry and decision is not None
        try:
            for event in decision.events if carried and decision else (event for _, event in run):
                self.state = evolve(self.state, event)
        except Exception as error:  # noqa: BLE001 — a candidate may raise anything
            self.fail(stored, "command", begins, error)
            return False
        return True

    def _decide(self, stored: PastEvent, begins: DomainEvent) -> Decision | None:
        """Return the candidate's decision; None if it fails or there is nothing to decide."""
        of = "command"
        try:
            if isinstance(begins, RequestAccepted):
                self.commands += 1
                return decide_command(self.state, request_of(begins), self.decider.policies)
            if isinstance(begins, CommandLimitReached) and self.previous is not None:
                of = "limit"
                self.commands += 1
                request = request_of_limited(begins, self.subject, self.previous)
                return decide_command(self.state, request, self.decider.policies)
            if isinstance(begins, OrderDecided):
                of = "order"
                self.commands += 1
                return self._decide_order(begins)
            if isinstance(begins, MessageUnknown) and begins.inferred_from is not None:
                return None  # not caused by a result: it follows from the one recorded after it
            if isinstance(begins, MessageEvent) and about(begins) is not None:
                of = "result"
                self.results += 1
                return self._decide_result(begins)
        except Exception as error:  # noqa: BLE001 — a candidate may raise anything
            self.fail(stored, of, begins, error)
        return None

    def _decide_result(self, begins: MessageEvent) -> Decision:
        result = result_of(begins, self.subject)
        if begins.order_id is not None:
            return decide_order_result(self.state, result)
        return decide_result(self.state, result)

    def _decide_order(self, begins: OrderDecided) -> Decision:
        """Decide an order from its facts; with `carry` the candidate's own events changed some.

        A due order is decided from the rights of its account, which no event of the person changes.
        """
        request, facts = request_of_order(begins)
        if self.decider.carry and facts.accepted_at is None:
            known: dict[str, object] = {"notifications_on": self.state.notifications_on}
            if facts.waiting_of_account is not None:
                known["waiting_of_account"] = self.state.waiting_of(request.account)
            facts = facts.model_copy(update={**known, "waiting": len(self.state.orders)})
        return Decision(Disposition.ACCEPTED, (decide_order(request, facts),))

    def _compare(self, run: Run, decision: Decision) -> None:
        stored, begins = run[0]
        of = _OF.get(type(begins), "result")
        request = about(begins)
        if of == "result" and request in self._changed and self.decider.carry:
            return  # a consequence of the difference in its command, which is already reported
        if not is_same(run, decision) and not self._is_late_repetition(run, decision):
            self.differences.append(another_decision(run, of, request, decision))
            if request is not None:
                self._changed.add(request)
        if decision.disposition is Disposition.ACCEPTED and of != "limit":
            self._expect(stored, begins, decision)
        for reply in decision.replies:
            if reply.template not in self.decider.templates:
                missing = f"there is no template [{reply.template}]"
                self.differences.append(no_decision(stored, of, request, missing))
            elif reply.template in self.decider.asked:
                self.messages.append((stored.version, reply.template))

    def _is_late_repetition(self, run: Run, decision: Decision) -> bool:
        """Whether the event repeats a message's result, which decided nothing then either."""
        begins = run[0][1]
        if len(run) > 1 or decision.disposition is not Disposition.DUPLICATE:
            return False
        if not isinstance(begins, MessageEvent) or not getattr(begins, "final", True):
            return isinstance(begins, MessageEvent)
        if begins.order_id is not None:
            return not is_order_awaited(self.state, result_of(begins, self.subject))
        return not is_awaited(self.state, begins.request_id, begins.purpose)

    def _expect(self, stored: PastEvent, begins: DomainEvent, decision: Decision) -> None:
        """Remember which message should follow, to compare it with the recorded one."""
        replies = {reply.purpose: reply for reply in decision.replies}
        if isinstance(begins, RequestAccepted):
            purpose = Purpose.ACKNOWLEDGEMENT
        elif isinstance(begins, MessageEvent) and begins.purpose is Purpose.ACKNOWLEDGEMENT:
            purpose = Purpose.FULFILMENT
        else:
            purpose = None
        request: UUID | None = getattr(begins, "request_id", None)
        if purpose is not None and request is not None and request not in self._changed:
            self._owed[request, purpose] = replies.pop(purpose, None)
        for reply in replies.values() if request not in self._changed else ():
            self.differences.append(unexpected_reply(stored, request, decision, reply))

    def _end_hold(self, event: RegistrationReleased | RegistrationRefused) -> None:
        """Expect the fulfilment that follows from a person's decision, or from an expired hold.

        If the acknowledgement has no result yet, the fulfilment follows from that instead.
        """
        request = self.state.open.get(event.request_id)
        owed = event.request_id, Purpose.FULFILMENT
        if request is None or request.stage is not Stage.FULFILLING or owed not in self._owed:
            return
        gate = Gate.OPEN if isinstance(event, RegistrationReleased) else Gate.REFUSED
        self._owed[owed] = fulfilment_of(event.request_id, replace(request, gate=gate))

    def _compare_reply(self, stored: PastEvent, sent: MessageEvent) -> None:
        """Compare a sent message with the one that the candidate would send."""
        if sent.request_id is None or (sent.request_id, sent.purpose) not in self._owed:
            return
        owed = self._owed.pop((sent.request_id, sent.purpose))
        if owed is not None and (owed.template, owed.message_id) == (
            sent.template,
            sent.message_id,
        ):
            return
        self.differences.append(another_reply(stored, sent, owed))

    def fail(
        self, stored: PastEvent, of: str, begins: DomainEvent | None, error: Exception
    ) -> None:
        """Record that there is no decision, because `error` was raised."""
        request = None if begins is None else about(begins)
        text = f"{type(error).__name__}: {error}"
        self.differences.append(no_decision(stored, of, request, text))


_OF: dict[type[DomainEvent], str] = {
    RequestAccepted: "command",
    CommandLimitReached: "limit",
    OrderAccepted: "order",
    OrderRefused: "order",
}
