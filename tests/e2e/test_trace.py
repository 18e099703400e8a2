"""One trace for each request, metrics for all, and no person in either.

A collector listens beside the service. The last test starts the roles again without naming
it: any attempt to export would reach it all the same, as the proxy of their HTTP.
"""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.e2e.collector import Collector, Span, open_collector
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_service import STOPPED, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE, LOGIN, PASSWORD, TEXT = "code-canary", "login-canary", "password-canary", "text-canary"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def collector() -> AsyncIterator[Collector]:
    async with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def service_environment(collector: Collector) -> Mapping[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_METRIC_EXPORT_INTERVAL": "300",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


async def test_one_trace_runs_through_a_request(service: Service, collector: Collector) -> None:
    client = service.new_client(personal_code=CODE, login=LOGIN, password=PASSWORD)
    await service.text(client.number, "CLIENT info")
    spans = await _spans(service, collector, client.number)
    by_name = {span.name: span for span in spans}
    names = sorted(span.name for span in spans)
    assert names == ["decide", "deliver_sm", "submit_sm", "submit_sm"]
    assert by_name["deliver_sm"].parent_id == ""
    assert by_name["decide"].parent_id == by_name["deliver_sm"].span_id
    assert by_name["decide"].attributes == {"command": "client_info", "disposition": "accepted"}
    submits = [span for span in spans if span.name == "submit_sm"]
    assert {span.parent_id for span in submits} == {by_name["decide"].span_id}
    assert {span.attributes["purpose"] for span in submits} == {"acknowledgement", "fulfilment"}
    assert {span.attributes["outcome"] for span in submits} == {"submitted"}


async def _spans(service: Service, collector: Collector, number: str) -> list[Span]:
    """Wait for the four spans of a number's only request, found by the trace its events name."""
    await service.completed(number)
    parents = [event.metadata["traceparent"] for event in service.events(number)]
    [trace_id] = {parent.split("-")[1] for parent in parents}

    def found() -> list[Span]:
        return [span for span in collector.spans if span.trace_id == trace_id]

    await collector.until(lambda: len(found()) >= 4, "the four spans of a request")
    return found()


async def test_metrics_count_what_happens(service: Service, collector: Collector) -> None:
    client = service.new_client(personal_code=CODE, login=LOGIN, password=PASSWORD)
    await service.text(client.number, f"{TEXT}-1")
    await service.text(client.number, "CLIENT  info")
    for text in ("CLIENT sms stop", "CLIENT sms stop"):
        await service.text(client.number, text)
    await service.completed(client.number)

    def value(name: str, **labels: str) -> float:
        return collector.values.get(f"scserv.{name}", {}).get(frozenset(labels.items()), 0)

    def topics_with_lag() -> set[str]:
        points = collector.values.get("scserv.lag", {})
        return {str(dict(labels).get("topic")) for labels in points}

    expected = {
        "an accepted command": lambda: value("requests.accepted", command="sms_stop") == 1,
        "a text that is none": lambda: value("mo.rejected", reason="unknown") == 1,
        "a text with a blank too many": lambda: value("mo.rejected", reason="spacing") == 1,
        "a duplicate": lambda: value("mo.rejected", reason="duplicate") == 1,
        "a reply": lambda: value("replies", purpose="fulfilment", outcome="submitted") >= 1,
        "a latency": lambda: value("acknowledgement.latency") >= 1,
        "the lag": lambda: {service.names.mo, service.names.receipts} <= topics_with_lag(),
        "what was relayed": lambda: value("outbox.published", feed="events") >= 5,
    }
    for what, condition in expected.items():
        await collector.until(condition, what)


async def test_no_person_in_spans_or_metrics(service: Service, collector: Collector) -> None:
    client = service.new_client(personal_code=CODE, login=LOGIN, password=PASSWORD)
    await service.text(client.number, f"CLIENT info {TEXT}")
    await service.text(client.number, "CLIENT info")
    await _spans(service, collector, client.number)
    seen = b"".join(collector.bodies)
    numbers = {submit.number[1:] for submit in service.script.submitted}
    for canary in (CODE, LOGIN, PASSWORD, TEXT, *numbers):
        assert canary.encode() not in seen
    assert service.names.mo.encode() in seen


async def test_without_the_variable_nothing_is_sent(service: Service, collector: Collector) -> None:
    for one in list(service.running):
        assert await service.stop(one) == 0
    del service.extra_environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    service.extra_environment |= {"HTTP_PROXY": collector.url, "http_proxy": collector.url}
    service.extra_environment |= {"NO_PROXY": "", "no_proxy": ""}
    exports = len(collector.bodies)
    await service.start()
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]
    await service.completed(client.number)
    for one in list(service.running):  # whoever exports does so at the end at the latest
        assert await service.stop(one) == 0
    assert collector.paths[exports:] == []
    # The trace context is made all the same, for the events.
    assert all(event.metadata["traceparent"] for event in service.events(client.number))
