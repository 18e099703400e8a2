"""What became of a message, as it is published, counted and traced."""

from collections.abc import Callable
from datetime import datetime

from inbound.ops import metrics, telemetry
from inbound.smpp.message_ids import IdForm
from schemas.messages import Outcome, Purpose, SubmitResult
from streams.outbox.jobs import Job

NO_BIND = "none"
"""The bind of a message that was never sent."""


class Fates:
    """Makes the results of one gateway."""

    def __init__(self, gateway: str, clock: Callable[[], datetime]) -> None:
        self._gateway = gateway
        self._clock = clock

    def result(self, job: Job, outcome: Outcome, *, final: bool) -> SubmitResult:
        """Return the result of a job, and count it."""
        message, attempts = job.message, job.attempts
        result = SubmitResult(
            message_id=message.message_id,
            subject_id=message.subject_id,
            request_id=message.request_id,
            key=job.key,
            purpose=message.purpose,
            template=message.template,
            outcome=outcome,
            final=final,
            attempt=job.attempt,
            parts=tuple(job.parts),
            id_form=_form_of(job),
            attempts=attempts.told if attempts else None,
            attempts_left_out=(attempts.left_out or None) if attempts else None,
            centre=job.link.centre if job.link else job.centre,
            bind=job.link.name if job.link else NO_BIND,
            gateway=self._gateway,
            arrived_at=message.arrived_at,
            sent_at=job.sent_at,
            at=self._clock(),
            traceparent=job.traceparent,
        )
        _report(job, result)
        return result


def _form_of(job: Job) -> str | None:
    form = job.link.answer_ids if job.link else IdForm.ANY
    return None if form is IdForm.ANY else form.value


def _report(job: Job, result: SubmitResult) -> None:
    labels = {"purpose": result.purpose.value, "outcome": result.outcome.value}
    metrics.REPLIES.add(1, labels)
    telemetry.span(
        "submit_sm",
        job.traceparent,
        job.sent_at or result.at,
        result.at,
        attributes=[*labels.items(), ("bind", result.bind), ("attempt", result.attempt)],
    )
    if result.arrived_at is not None and result.purpose is Purpose.ACKNOWLEDGEMENT:
        metrics.ACK_LATENCY.record((result.at - result.arrived_at).total_seconds())
