"""A gateway dies between its claims and the centre's answers: policy says what goes again.

Broadcasts lie on the bulk lane as another service's would; their template is not to be sent
twice. Replies are.
"""

from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from uuid import UUID

import pytest

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from schemas.cloudevents import TYPE_PREFIX, header
from schemas.messages import Outcome, SubmitResult, SubmitResults
from tests.e2e.bulk import TEMPLATE, broadcast
from tests.e2e.script import ACCOUNT, Submit
from tests.fix_service import (
    WINDOW,
    Service,
    eventually,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

BROADCASTS = 6 * WINDOW


@pytest.fixture(scope="module")
def service_environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    templates = tmp_path_factory.mktemp("unknown") / "templates.toml"
    texts = files("inbound.templates").joinpath("default.toml").read_text("utf-8")
    begin = texts.index(f"[{TEMPLATE}]")
    templates.write_text(
        texts[:begin] + texts[begin:].replace('unknown = "resend"', 'unknown = "drop"', 1), "utf-8"
    )
    return {"SCSERV_TEMPLATES_FILE": str(templates)}


async def test_a_broadcast_that_may_have_been_sent_is_unknown_and_a_reply_goes_again(
    service: Service,
) -> None:
    script, gateway = service.script, service.one("gateway")
    numbers = service.new_numbers(BROADCASTS)
    client = service.new_client()
    silent = True

    async def fault(pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        return None if silent else await proceed(pdu, session)

    def strike(submit: Submit) -> None:
        if submit.number == client.number:
            gateway.kill()

    script.fault, script.watch = fault, strike
    sent = await broadcast(service, numbers)
    await script.until(lambda: len(script.submitted) >= WINDOW // 2, "broadcasts")
    await service.text(client.number, "CLIENT sms start")
    await script.until(lambda: bool(script.to(client.number)), "the acknowledgement")
    await service.kill(gateway)
    # What it had sent by then has been read, once the centre has seen the end of its link.
    await eventually(
        lambda: not service.centre.queue(ACCOUNT.system_id).sessions, lambda: "the link is still up"
    )
    before, silent = {submit.number for submit in script.submitted}, False
    await service.start("gateway")

    assert len(await script.replies(client.number, texts=3)) == 3  # the first of them twice
    await service.completed(client.number)
    unknown = [e for e in service.events(client.number) if e.type == "message.unknown"]
    assert [(e.data["purpose"], e.data["final"]) for e in unknown] == [("acknowledgement", False)]

    await eventually(
        lambda: len(results_of(service, sent)) == BROADCASTS,
        lambda: f"{len(results_of(service, sent))} of {BROADCASTS} broadcasts have a result",
    )
    results = results_of(service, sent)
    outcomes = {number: results[id_].outcome for id_, number in sent.items()}
    times = Counter(submit.number for submit in script.submitted if submit.number in outcomes)
    assert before - {client.number}, "nothing was in flight"
    assert {outcomes[number] for number in before - {client.number}} == {Outcome.UNKNOWN}
    assert set(times.values()) == {1}, "a broadcast went twice"
    # What was claimed and not sent is unknown too: nobody else can tell the two apart.
    lost = [n for n, outcome in outcomes.items() if outcome is Outcome.UNKNOWN and not times[n]]
    assert len(lost) <= 2 * WINDOW
    delivered = [n for n, outcome in outcomes.items() if outcome is Outcome.SUBMITTED]
    assert set(delivered) == times.keys() - before
    assert all(results[id_].final and results[id_].attempt == 1 for id_ in sent)


def results_of(service: Service, sent: dict[UUID, str]) -> dict[UUID, SubmitResult]:
    """Return the result of each of these messages; fail when one has two."""
    found: dict[UUID, SubmitResult] = {}
    for record in service.records(service.names.receipts):
        if header(record.headers, "ce_type") != TYPE_PREFIX + SubmitResults.TYPE:
            continue
        for result in SubmitResults.model_validate_json(record.value).results:
            if result.message_id in sent:
                assert result.message_id not in found, "two results of one broadcast"
                found[result.message_id] = result
    return found
