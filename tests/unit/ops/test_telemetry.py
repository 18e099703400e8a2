"""What the log says about a collector that goes away."""

import logging

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from inbound.ops.telemetry import told


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
    exporter = told("traces", collector)
    assert exporter.export(()) is SpanExportResult.SUCCESS
    assert caplog.messages == []
    for is_there in (False, False, True, True):
        collector.is_there = is_there
        exporter.export(())
    assert caplog.messages == [
        "traces are not exported: the collector does not take them",
        "the collector can be reached again: traces are exported",
    ]
