"""Dashboard, alerts and the path of telemetry held against the metrics that the code has."""

import json
import re
import runpy
from itertools import chain, combinations
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from opentelemetry import metrics as otel
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader, Metric, Sum

from inbound.ops import metrics, process_metrics, server_metrics
from tests.compose_file import DEPLOY, ROLES, SERVICES

MODULES = (metrics, process_metrics, server_metrics)
PROGRAMS = {"scserv", "systemctl", "journalctl", "docker", "curl", "df", "openssl", "timedatectl"}
"""Which an alert's first command may be."""
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "scserv.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Metric]:
    """Return one point of every metric in both modules, as an exporter gets it."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    monkeypatch.setattr(otel, "get_meter", provider.get_meter)
    modules = [runpy.run_path(module.__file__ or "") for module in MODULES]
    for instrument in chain.from_iterable(module.values() for module in modules):
        for method in ("add", "record", "set"):
            if hasattr(instrument, method) and hasattr(instrument, "unit"):
                getattr(instrument, method)(1)
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None
    return [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]


def translated(metric: Metric) -> set[str]:
    """Return a metric's names in Prometheus: UnderscoreEscapingWithSuffixes.

    A unit becomes a suffix unless it stands in braces, and a counter ends with _total.
    """
    name = re.sub(r"\W", "_", metric.name)
    if metric.unit and not metric.unit.startswith("{"):
        name += "_" + {"s": "seconds", "By": "bytes"}[metric.unit]
    if isinstance(metric.data, Histogram):
        return {f"{name}_{part}" for part in ("bucket", "count", "sum")}
    return {f"{name}_total"} if isinstance(metric.data, Sum) else {name}


def test_dashboard_and_alerts_name_metrics_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [translated(metric) for metric in recorded(monkeypatch)]
    assert len(names) == len([n for module in MODULES for n in vars(module) if n.isupper()])
    shown = [
        target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        if "expr" in target
    ]
    rules = [rule["expr"] for rule in RULES]
    used = set(re.findall(r"scserv_\w+", " ".join([*shown, *rules])))
    assert used <= set().union(*names)
    on_show = set(re.findall(r"scserv_\w+", " ".join(shown)))
    assert not [sorted(each) for each in names if not each & on_show], "metrics without a panel"


def test_every_alert_has_its_advice() -> None:
    alerts = [rule["alert"] for rule in RULES]
    guide = (DEPLOY.parent / "docs" / "OPERATORS.md").read_text("utf-8")
    _, _, section = guide.partition("| alert | it means | clients notice | first command | fix |")
    rows = [row.split(" | ") for row in section.partition("\n\n")[0].split("\n")[2:]]
    assert sorted(alerts) == sorted(name for row in rows for name in re.findall(r"`(\w+)`", row[0]))
    assert all(len(row) == 5 and all(cell.strip(" |") for cell in row) for row in rows)
    # Those of `scserv` are parsed in test_guide_commands.py.
    first = [re.findall(r"`(\w+)[ `]", row[3]) for row in rows]
    assert [words for words in first if not words or not PROGRAMS.issuperset(words)] == []


def test_panels_use_sources_that_are_provided() -> None:
    provided = yaml.safe_load((DEPLOY / "grafana" / "datasources.yaml").read_text("utf-8"))
    kinds = {source["uid"]: source["type"] for source in provided["datasources"]}
    for panel in DASHBOARD["panels"]:
        for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"])):
            assert kinds[source["uid"]] == source["type"], panel["title"]
    for source in provided["datasources"]:
        assert urlsplit(source["url"]).hostname in SERVICES


def test_each_panel_has_an_id_and_a_place_of_its_own() -> None:
    panels = DASHBOARD["panels"]
    ids = [panel["id"] for panel in panels]
    assert sorted(ids) == sorted(set(ids))
    for one, other in combinations(panels, 2):
        first, second = one["gridPos"], other["gridPos"]
        apart = any(
            first[at] + first[size] <= second[at] or second[at] + second[size] <= first[at]
            for at, size in (("x", "w"), ("y", "h"))
        )
        assert apart, (one["title"], other["title"])


def test_the_disk_of_postgres_is_measured() -> None:
    exporter = SERVICES["node-exporter"]
    prometheus = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text("utf-8"))
    [job] = prometheus["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["node-exporter:9100"]}]
    assert set(exporter["networks"]) <= set(SERVICES["prometheus"]["networks"])
    [volume] = exporter["volumes"]
    assert volume.startswith("postgres:/disks/")
    assert volume.endswith(":ro")
    [left_out] = [word for word in exporter["command"] if "exclude" in word]
    assert not re.match(left_out.partition("=")[2], volume.split(":")[1])


def test_the_promise_stands_in_the_dashboard() -> None:
    [panel] = [p for p in DASHBOARD["panels"] if p["title"] == "Time from MO to acknowledgement"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 120]
    quantiles = [re.search(r"histogram_quantile\(([\d.]+)", t["expr"]) for t in panel["targets"]]
    assert [found and found[1] for found in quantiles] == ["0.5", "0.99", "0.999"]


def test_telemetry_has_a_way_through() -> None:
    collector = yaml.safe_load((DEPLOY / "otel-collector.yaml").read_text("utf-8"))
    tempo = yaml.safe_load((DEPLOY / "tempo.yaml").read_text("utf-8"))
    listens = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    for role in ROLES:
        endpoint = urlsplit(SERVICES[role]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"])
        assert endpoint.hostname == "otel-collector"
        assert listens.endswith(f":{endpoint.port}")
    traces = urlsplit(collector["exporters"]["otlp_http/traces"]["endpoint"])
    tempo_listens = tempo["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert (traces.hostname, tempo_listens) == ("tempo", f"0.0.0.0:{traces.port}")
    assert collector["exporters"]["otlp_http/metrics"]["endpoint"].endswith("/api/v1/otlp")
    assert "--web.enable-otlp-receiver" in SERVICES["prometheus"]["command"]
    for pipeline in collector["service"]["pipelines"].values():
        assert pipeline["processors"] == ["memory_limiter", "batch"]
        assert set(pipeline["exporters"]) <= collector["exporters"].keys()
    assert {"service", "telemetry"} == set(SERVICES["otel-collector"]["networks"])
    check = SERVICES["otel-collector"]["healthcheck"]["test"][-1]
    health = collector["extensions"]["health_check"]["endpoint"]
    assert f":{urlsplit(check).port}" == health[health.index(":") :]
