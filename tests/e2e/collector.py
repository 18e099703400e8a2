"""OpenTelemetry collectors for tests: they accept OTLP over HTTP.

A `Collector` keeps spans and metrics in memory. A `Recorder` appends everything to a file, so its
memory stays flat; `recorded_spans` reads that file.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    started_at: datetime
    attributes: dict[str, Any]


@dataclass(slots=True)
class Collector:
    """Everything that arrived. `values` has the latest value of each metric, by name and labels.

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
        """Serve one request: an export, or anything else."""
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
        self.spans += _spans(exported)

    def _take_metrics(self, exported: ExportMetricsServiceRequest) -> None:
        for resource in exported.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self.values.setdefault(metric.name, {}).update(_points(metric))


class Recorder:
    """Writes every request to one file; `exports` counts them by role and path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = ""
        self.exports: Counter[tuple[str, str]] = Counter()
        path.touch()

    async def take(self, request: web.Request) -> web.Response:
        """Record one request with its headers, as HTTP would write it."""
        body = await request.read()
        headers = b"\n".join(name + b": " + value for name, value in request.raw_headers)
        self._write(b"\n".join([request.raw_path.encode(), headers, b"", body, b""]))
        self.exports[_role_of(request.path, body), request.path] += 1
        return web.Response(content_type="application/x-protobuf")

    def _write(self, octets: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(octets)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a process export here. A process also exports metrics as it ends."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "OTEL_BSP_SCHEDULE_DELAY": "1000",
        }


def _role_of(path: str, body: bytes) -> str:
    """Return the role that sent an export, from the instance name (`inbound.ops.telemetry`)."""
    resources: Iterable[Any]
    if path.endswith("/v1/traces"):
        resources = ExportTraceServiceRequest.FromString(body).resource_spans
    else:
        resources = ExportMetricsServiceRequest.FromString(body).resource_metrics
    [resource] = resources
    instance: str = dict(_pairs(resource.resource.attributes))["service.instance.id"]
    return instance.partition("-")[0]


def recorded_spans(path: Path) -> Iterator[Span]:
    """Yield the spans in a file of a `Recorder`."""
    with path.open("rb") as file:
        while target := file.readline().strip():
            length = 0
            while header := file.readline().strip():
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = file.read(length)
            file.readline()
            if target.endswith(b"/v1/traces"):
                yield from _spans(ExportTraceServiceRequest.FromString(body))


@asynccontextmanager
async def open_collector() -> AsyncIterator[Collector]:
    """Listen on a free loopback port."""
    collector = Collector()
    async with _listening(collector.take) as collector.url:
        yield collector


@asynccontextmanager
async def open_recorder(path: Path, host: str = "127.0.0.1") -> AsyncIterator[Recorder]:
    """Listen on a free port and record every request in a file."""
    recorder = Recorder(path)
    async with _listening(recorder.take, host) as recorder.url:
        yield recorder


@asynccontextmanager
async def _listening(
    take: Callable[[web.Request], Awaitable[web.StreamResponse]], address: str = "127.0.0.1"
) -> AsyncIterator[str]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, address, 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _spans(exported: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in exported.resource_spans:
        for scope in resource.scope_spans:
            for one in scope.spans:
                yield Span(
                    one.trace_id.hex(),
                    one.span_id.hex(),
                    one.parent_span_id.hex(),
                    one.name,
                    datetime.fromtimestamp(one.start_time_unix_nano / 1e9, UTC),
                    dict(_pairs(one.attributes)),
                )


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
