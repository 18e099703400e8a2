"""A gauge that is exported at every interval, unlike the SDK's own."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from inbound.ops.kept_gauge import KeptGauge


def exported(reader: InMemoryMetricReader) -> dict[frozenset[tuple[str, str]], float]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        frozenset((name, str(value)) for name, value in (point.attributes or {}).items()): float(
            point.value  # type: ignore[union-attr]  # a gauge has no histogram's points
        )
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_a_value_is_exported_again_and_again_until_it_is_forgotten() -> None:
    reader = InMemoryMetricReader()
    gauge = KeptGauge(
        MeterProvider([reader]).get_meter("tests"), "one", unit="s", description="one"
    )
    assert exported(reader) == {}
    gauge.set(7, {"of": "a"})
    gauge.set(8, {"of": "b"})
    a, b = frozenset({("of", "a")}), frozenset({("of", "b")})
    for _ in range(3):
        assert exported(reader) == {a: 7, b: 8}
    gauge.forget({"of": "a"})
    assert exported(reader) == {b: 8}


def test_a_function_is_asked_at_each_export() -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("tests")
    values = iter([1.0, 0.0])
    KeptGauge(meter, "one", unit="s", description="one").set(lambda: next(values))
    assert [exported(reader)[frozenset()] for _ in range(2)] == [1.0, 0.0]
