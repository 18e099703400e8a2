"""What operators read about submits that an SMS centre refuses or leaves unanswered."""

import asyncio

import pytest

from inbound.gateway.refusals import RefusalReport
from inbound.gateway.sending_binds import Downtime, SendingBind
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.errors import NotSentError, UnansweredError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import SubmitSm, SubmitSmResp
from inbound.smpp.status import Status
from tests.unit.smpp.peer import no_requests


def ended(result: int | Exception) -> asyncio.Future[SubmitSmResp]:
    future: asyncio.Future[SubmitSmResp] = asyncio.get_running_loop().create_future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(SubmitSmResp(status=result))
    return future


async def test_the_first_refusal_of_each_status_is_logged_once_per_bind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = RefusalReport("west", "west-1"), RefusalReport("west", "west-2")
    for _ in range(3):
        first.note(ended(Status.ESME_RINVSRCADR))
        first.note(ended(Status.ESME_ROK))
    second.note(ended(Status.ESME_RINVSRCADR))
    first.note(ended(0x4FF))
    assert [line[:12] for line in caplog.messages] == [
        "bind west-1:",
        "bind west-2:",
        "bind west-1:",
    ]
    assert caplog.messages[0] == (
        "bind west-1: SMS centre west refuses a submit_sm with ESME_RINVSRCADR (invalid source "
        "address). The message is rejected and not submitted again; scserv.replies counts it as "
        'outcome="rejected". This is logged once per bind and status'
    )
    assert "0x000004FF. The message is rejected" in caplog.messages[2]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


@pytest.mark.parametrize(
    ("status", "consequence"),
    [
        (Status.ESME_RTHROTTLED, "The bind pauses, and the message is submitted again."),
        (Status.ESME_RSYSERR, "The message is submitted again after a back-off."),
    ],
)
async def test_a_message_that_goes_again_is_not_called_rejected(
    caplog: pytest.LogCaptureFixture, status: int, consequence: str
) -> None:
    RefusalReport("west", "west-1").note(ended(status))
    assert consequence in caplog.text
    assert "rejected" not in caplog.text


async def test_the_first_missing_answer_of_an_outage_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    report = RefusalReport("west", "west-1")
    silence = UnansweredError("no answer for 10 s")
    for _ in range(3):
        report.note(ended(silence))
        report.note(ended(NotSentError("the window is full")))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(
        "bind west-1: SMS centre west leaves a submit_sm unanswered: no answer for 10 s. The "
        "outcome is unknown: the message is submitted again if its template allows it."
    )
    report.note(ended(Status.ESME_ROK))
    report.note(ended(silence))
    assert len(caplog.messages) == 2


async def test_a_bind_reports_its_submits(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    esme = Esme(BindSettings("127.0.0.1", 1, "client", "secret"), no_requests)
    monkeypatch.setattr(esme, "submit", lambda _: ended(Status.ESME_RINVSRCADR))
    bind = SendingBind("west-1", "west", esme, Downtime(), alphabet="gsm0338")
    for bulk in False, True:
        await asyncio.wait([bind.submit(SubmitSm(), bulk=bulk)])
    await asyncio.sleep(0)
    assert [line[: len("bind west-1: SMS centre west")] for line in caplog.messages] == [
        "bind west-1: SMS centre west"
    ]
