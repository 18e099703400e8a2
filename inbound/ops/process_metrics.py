"""Metrics of processes that don't stay alive, of every role and of `scserv up`.

The other metrics, and the rules for all, are in `inbound.ops.metrics`.
"""

from opentelemetry import metrics

from inbound.ops.kept_gauge import KeptGauge

_meter = metrics.get_meter("scserv")

YOUNG = KeptGauge(
    _meter,
    "scserv.young",
    unit="{process}",
    description="1 for the first five minutes of a process, then 0, and 0 once it was told to "
    "stop, by role. The last value of a process that ends otherwise soon after its start stays 1.",
)
CHILD_DEATHS = KeptGauge(
    _meter,
    "scserv.child.deaths",
    unit="{end}",
    description="How often in a row a process of `scserv up` has ended by itself, by role; 0 once "
    "it has run for half a minute.",
)
