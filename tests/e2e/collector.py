"""OpenTelemetry collectors for tests: they take OTLP over HTTP.

A `Collector` keeps spans and metrics to be looked at; a `Recorder` writes whatever arrives into
a file to be searched, and stays as small as it was.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from tests.patience import PATIENCE_S

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Span:
    """One span; ids in hex."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    attributes: dict[str, Any]


@dataclass(slots=True)
class Collector:
    """What has arrived. `values` is the latest of each metric, by name and labels.

    A histogram's value is its count.
    """

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    values: dict[str, dict[Labels, float]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for an export that makes `condition` true; fail the test when none comes."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            spans = [span.name for span in self.spans]
            pytest.fail(f"{what}: not within {PATIENCE_S:g} s; spans {spans}; values {self.values}")

    async def take(self, request: web.Request) -> web.Response:
        """Serve one export, or whatever else somebody sends here."""
        body = await request.read()
        self.bodies.append(body)
        self.paths.append(request.raw_path)
        if request.path.endswith("/v1/traces"):
            self._take_spans(ExportTraceServiceRequest.FromString(body))
        elif request.path.endswith("/v1/metrics"):
            self._take_metrics(ExportMetricsServiceRequest.FromString(body))
        self._changed.set()
        return web.Response(content_type="application/x-protobuf")

    def _take_spans(self, exported: ExportTraceServiceRequest) -> None:
        for resource in exported.resource_spans:
            for scope in resource.scope_spans:
                self.spans += [
                    Span(
                        one.trace_id.hex(),
                        one.span_id.hex(),
                        one.parent_span_id.hex(),
                        one.name,
                        dict(_pairs(one.attributes)),
                    )
                    for one in scope.spans
                ]

    def _take_metrics(self, exported: ExportMetricsServiceRequest) -> None:
        for resource in exported.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.values.setdefault(metric.name, {}).update(_points(metric))


class Recorder:
    """What has arrived, in one file; `exports` counts it by role and path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = ""
        self.exports: Counter[tuple[str, str]] = Counter()
        path.touch()

    async def take(self, request: web.Request) -> web.Response:
        """Write one request down, headers included."""
        body = await request.read()
        headers = b"\n".join(name + b": " + value for name, value in request.raw_headers)
        self._write(b"\n".join([request.raw_path.encode(), headers, body, b""]))
        self.exports[_role_of(request.path, body), request.path] += 1
        return web.Response(content_type="application/x-protobuf")

    def _write(self, octets: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(octets)

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process export to here. Metrics also come when a process ends."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
        }


def _role_of(path: str, body: bytes) -> str:
    """Return the role that sends an export, as `inbound.ops.telemetry` names instances."""
    resources: Iterable[Any]
    if path.endswith("/v1/traces"):
        resources = ExportTraceServiceRequest.FromString(body).resource_spans
    else:
        resources = ExportMetricsServiceRequest.FromString(body).resource_metrics
    [resource] = resources
    instance: str = dict(_pairs(resource.resource.attributes))["service.instance.id"]
    return instance.partition("-")[0]


@asynccontextmanager
async def open_collector() -> AsyncIterator[Collector]:
    """Listen on a free loopback port."""
    collector = Collector()
    async with _listening(collector.take) as collector.url:
        yield collector


@asynccontextmanager
async def open_recorder(path: Path) -> AsyncIterator[Recorder]:
    """Listen on a free loopback port and write what arrives into a file."""
    recorder = Recorder(path)
    async with _listening(recorder.take) as recorder.url:
        yield recorder


@asynccontextmanager
async def _listening(
    take: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _points(metric: Metric) -> dict[Labels, float]:
    kind = metric.WhichOneof("data")
    if kind == "histogram":
        return {_labels(p.attributes): float(p.count) for p in metric.histogram.data_points}
    data = metric.sum if kind == "sum" else metric.gauge
    return {_labels(p.attributes): p.as_int or p.as_double for p in data.data_points}


def _labels(attributes: Iterable[KeyValue]) -> Labels:
    return frozenset((name, str(value)) for name, value in _pairs(attributes))


def _pairs(attributes: Iterable[KeyValue]) -> Iterable[tuple[str, Any]]:
    for pair in attributes:
        kind = pair.value.WhichOneof("value")
        yield pair.key, getattr(pair.value, kind) if kind else None
