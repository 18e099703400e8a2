"""What the log says about a collector that goes away, and how a process ends then."""

import logging
import os
import socket
import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from inbound.ops.telemetry import identity_of, log_outages_of
from tests.patience import PATIENCE_S

HANGING = """
import threading
from opentelemetry.sdk.trace.export import SpanExporter
from inbound.ops import telemetry

class Hanging(SpanExporter):
    def export(self, spans):
        threading.Event().wait()

    shutdown = force_flush = export

telemetry.start("test", exporter=Hanging())
telemetry.span("one", None, telemetry.datetime.now(), telemetry.datetime.now())
"""


class Collector(SpanExporter):
    """Takes what it gets while it is there."""

    is_there = True

    def export(self, spans: object) -> SpanExportResult:
        del spans
        return SpanExportResult.SUCCESS if self.is_there else SpanExportResult.FAILURE


def test_begin_and_end_of_an_outage_of_the_collector_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    collector = Collector()
    exporter = log_outages_of(collector, "traces")
    assert exporter.export(()) is SpanExportResult.SUCCESS
    assert caplog.messages == []
    for is_there in (False, False, True, True):
        collector.is_there = is_there
        exporter.export(())
    assert caplog.messages == [
        "traces are not exported: the collector does not take them",
        "the collector can be reached again: traces are exported",
    ]


def test_a_process_with_the_host_name_and_number_of_the_last_one_exports_its_own_series() -> None:
    """As in a container that is started again: the alert CrashLoop counts series."""
    first, second = (identity_of("worker")["service.instance.id"] for _ in range(2))
    assert first.startswith(f"worker-{socket.gethostname()}-{os.getpid()}-")
    assert first != second


@pytest.mark.parametrize("end", ["telemetry.stop()", "", "raise SystemExit(0)"])
def test_a_process_ends_though_an_export_never_does(end: str) -> None:
    argv = [sys.executable, "-c", HANGING + end]
    assert subprocess.run(argv, timeout=PATIENCE_S, check=False).returncode == 0
