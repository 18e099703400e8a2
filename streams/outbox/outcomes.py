"""The result of a message or of one attempt: made, counted and traced."""

from collections.abc import Callable
from datetime import datetime

from inbound.ops import metrics, telemetry
from inbound.smpp.message_ids import IdForm
from schemas.messages import Purpose, SubmitResult
from streams.outbox.effects import Publish
from streams.outbox.ports import BindPort


class Outcomes:
    """Makes the results of one gateway."""

    def __init__(self, gateway: str, clock: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._clock = clock

    def result(self, publish: Publish) -> SubmitResult:
        """Return the result to publish, and count it."""
        claimed, bind = publish.claimed, publish.bind
        fetched, progress = claimed.fetched, claimed.progress
        message, attempts = fetched.message, progress.attempts
        result = SubmitResult(
            message_id=message.message_id,
            subject_id=message.subject_id,
            request_id=message.request_id,
            order_id=message.order_id,
            key=fetched.key,
            purpose=message.purpose,
            template=message.template,
            outcome=publish.outcome,
            withheld=publish.withheld,
            final=publish.final,
            attempt=claimed.claim.attempt,
            parts=progress.answers,
            id_form=_form_of(bind),
            attempts=attempts.reported or None,
            attempts_left_out=attempts.left_out or None,
            centre=bind.centre,
            bind=bind.name,
            gateway=self._gateway,
            arrived_at=message.arrived_at,
            sent_at=progress.sent_at,
            at=self._clock(),
            traceparent=fetched.traceparent,
        )
        _report(fetched.traceparent, result)
        return result


def _form_of(bind: BindPort) -> str | None:
    return None if bind.answer_ids is IdForm.ANY else bind.answer_ids.value


def _report(traceparent: str | None, result: SubmitResult) -> None:
    outcome = "withheld" if result.withheld else result.outcome.value
    labels = {"purpose": result.purpose.value, "outcome": outcome}
    metrics.REPLIES.add(1, labels)
    telemetry.span(
        "submit_sm",
        traceparent,
        result.sent_at or result.at,
        result.at,
        attributes=[*labels.items(), ("bind", result.bind), ("attempt", result.attempt)],
    )
    if result.arrived_at is not None and result.purpose is Purpose.ACKNOWLEDGEMENT:
        seconds = (result.at - result.arrived_at).total_seconds()
        metrics.ACK_LATENCY.record(max(0.0, seconds))  # a clock may have been set back
