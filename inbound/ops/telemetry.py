"""OpenTelemetry: exports traces and metrics if `OTEL_EXPORTER_OTLP_ENDPOINT` is set.

Each request has one W3C trace context from deliver_sm to submit_sm_resp. The gateway makes it even
without an exporter, so that every event has a trace id. Spans are made only with an exporter, and
only then is the SDK imported, because that takes long.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from inbound.ops import process_metrics
from inbound.ops.instance import new_instance_name

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

_tracer = trace.get_tracer("scserv")
_state = {"recording": False}

FLUSH_WITHIN_S: Final = 2.0
"""How long the last export may take: a collector that is away must not hold up the end."""

YOUNG_S: Final = 300.0
"""A process that crashes sooner counts for the alert CrashLoop."""

Exporter = TypeVar("Exporter", bound="SpanExporter | MetricExporter")


def start(role: str, *, exporter: "SpanExporter | None" = None) -> None:
    """Set up traces and metrics of this process, once.

    Does nothing unless an OTLP endpoint is named in the environment or `exporter` is
    given. Exporting happens on threads of the SDK and never blocks the caller.
    """
    if exporter is None and not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create(identity_of(role))
    # At its exit the SDK would wait for an export without end.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = log_outages_of(OTLPSpanExporter(), "traces")
        measurements = log_outages_of(OTLPMetricExporter(), "metrics")
        reader = PeriodicExportingMetricReader(measurements)
        measuring = MeterProvider([reader], resource, shutdown_on_exit=False)
        metrics.set_meter_provider(measuring)
        _tell_of_start(role, measuring)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    _state["recording"] = True
    atexit.register(stop, is_orderly=False)


def identity_of(role: str) -> dict[str, str]:
    """Return the attributes of what this process exports.

    The instance is no other process's: two workers would write one series, and `CrashLoop` counts
    the series of processes that ended soon, also those of one container.
    """
    return {"service.name": "scserv", "service.instance.id": f"{role}-{new_instance_name()}"}


def log_outages_of(exporter: Exporter, what: str) -> Exporter:
    """Make an exporter log once when its collector becomes unavailable, and once when it is back.

    What its library logs about that is not shown (`inbound.ops.logs`).
    """
    export, state = exporter.export, {"away": False}

    def watched(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the exporter has them
        result = export(*args, **kwargs)
        is_away = result.name != "SUCCESS"
        if is_away and not state["away"]:
            log.warning("%s are not exported: the collector does not take them", what)
        elif state["away"] and not is_away:
            log.info("the collector can be reached again: %s are exported", what)
        state["away"] = is_away
        return result

    exporter.export = watched  # type: ignore[method-assign]
    return exporter


def _tell_of_start(role: str, measuring: "MeterProvider") -> None:
    """Export at once that this process has begun: one that crashes may not live for an interval."""
    grown_at = time.monotonic() + YOUNG_S
    process_metrics.YOUNG.set(lambda: float(time.monotonic() < grown_at), {"role": role})

    def export() -> None:
        # It fails without a collector, which the exporter logs.
        with contextlib.suppress(Exception):
            measuring.force_flush()

    threading.Thread(target=export, name="first export", daemon=True).start()


def stop(*, is_orderly: bool = True) -> None:
    """Flush and stop the exporters. Blocks for `FLUSH_WITHIN_S` at most. Safe to repeat.

    `is_orderly`: the process ends because it was told to. Without this call, the end of the
    interpreter makes one that says it did not.
    """
    if not _state["recording"]:
        return
    _state["recording"] = False
    if is_orderly:
        for labels in process_metrics.YOUNG.values():
            process_metrics.YOUNG.set(0.0, dict(labels))
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    # Nothing ends an HTTP request that is under way, so it is left to a thread that ends with us.
    ending = [
        threading.Thread(target=_shut_down, args=(provider,), name="last export", daemon=True)
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider())
        if isinstance(provider, TracerProvider | MeterProvider)
    ]
    end_at = time.monotonic() + FLUSH_WITHIN_S
    for thread in ending:
        thread.start()
    for thread in ending:
        thread.join(max(0.0, end_at - time.monotonic()))


def _shut_down(provider: "TracerProvider | MeterProvider") -> None:
    # It fails without a collector, which the exporter logs.
    with contextlib.suppress(Exception):
        provider.shutdown()


def span(
    name: str,
    traceparent: str | None,
    start_at: datetime,
    end_at: datetime,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Iterable[tuple[str, str | int | float]] = (),
) -> str:
    """Record a span that lasted from `start_at` to `end_at`; return its traceparent.

    Without an exporter, returns the given context, or a new one if there is none.
    Attributes must not hold numbers, texts or secrets.
    """
    if not _state["recording"]:
        return traceparent or new_traceparent()
    parent = parse_traceparent(traceparent)
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
    made = _tracer.start_span(
        name, context, kind=kind, attributes=dict(attributes), start_time=_nanoseconds(start_at)
    )
    made.end(_nanoseconds(end_at))
    ids = made.get_span_context()
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags):02x}"


def new_traceparent() -> str:
    """Return a new, unsampled traceparent (W3C Trace Context, 3.2)."""
    ids = os.urandom(24).hex()
    return f"00-{ids[:32]}-{ids[32:]}-00"


def parse_traceparent(text: str | None) -> SpanContext | None:
    """Return the context in `text`, None if it is missing or malformed."""
    parts = (text or "").split("-")
    if len(parts) != 4:
        return None
    try:
        trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    except ValueError:
        return None
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000


__all__ = ["new_traceparent", "parse_traceparent", "span", "start", "stop"]
