"""A gauge that is exported at every interval, however rarely it is set.

The SDK's own gauge exports a value once. A value that is measured once an hour would be missing
from the second interval on, and an alert about it would end.
"""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

Labels = Mapping[str, str]


class KeptGauge:
    """A gauge with the last value for each set of labels. Thread-safe."""

    def __init__(self, meter: Meter, name: str, *, unit: str, description: str) -> None:
        """Create it; it exports nothing before it is set."""
        self.unit = unit
        self._values: dict[frozenset[tuple[str, str]], float | Callable[[], float]] = {}
        meter.create_observable_gauge(
            name, callbacks=[self._observe], unit=unit, description=description
        )

    def set(self, value: float | Callable[[], float], labels: Labels | None = None) -> None:
        """Export `value` under these labels from now on. A function is asked at each export."""
        self._values[frozenset((labels or {}).items())] = value

    def forget(self, labels: Labels | None = None) -> None:
        """Stop exporting under these labels."""
        self._values.pop(frozenset((labels or {}).items()), None)

    def values(self) -> dict[frozenset[tuple[str, str]], float]:
        """Return what would be exported now."""
        return {
            labels: value() if callable(value) else value
            for labels, value in list(self._values.items())
        }

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value, dict(labels)) for labels, value in self.values().items()]
