"""Messages of channels in the sender: a mail server, and no text that leaves instead of a mail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from inbound.channels.port import Accepted, ChannelAdapter, Outgoing, Refused, UnavailableError
from inbound.gateway import channel_binds
from inbound.gateway.channel_binds import NOT_OFFERED, ChannelBind, NotOffered, centre_of
from inbound.gateway.outlets import Outlets
from inbound.gateway.sending_binds import SendingBinds
from inbound.handlers.orders import dispatched_message_id
from inbound.smpp.errors import UnansweredError
from inbound.smpp.status import Status
from inbound.store.orders.rows import OrderContent
from schemas.channels import Channel
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Outcome, Purpose
from tests.integration.streams.outbox.bench import Bench, Person, open_bench
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio

ADDRESS = "anna@example.net"


class Adapter(ChannelAdapter):
    """Answers each message with the next of `answers`, then takes all."""

    def __init__(self, *answers: Accepted | Refused | Exception) -> None:
        self.answers = list(answers)
        self.got: list[Outgoing] = []
        self.is_closed = False

    async def deliver(self, outgoing: Outgoing) -> Accepted | Refused:
        self.got.append(outgoing)
        answer = self.answers.pop(0) if self.answers else Accepted("server-id")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def bench_with(adapter: Adapter) -> AsyncIterator[tuple[Bench, list[str]]]:
    reasons: list[str] = []
    mail = ChannelBind(centre_of(Channel.MAIL), adapter, 4, report=reasons.append)
    refusing = ChannelBind(NOT_OFFERED, NotOffered(), 4)

    def outlets(texts: SendingBinds) -> Outlets:
        return Outlets(texts, [], [mail, refusing], {Channel.MAIL: mail.centre})

    async with open_bench(outlets=outlets) as bench:
        yield bench, reasons
    await mail.close()
    assert adapter.is_closed


def mail_to(
    bench: Bench, person: Person, text: str = "__MAIL__: hi", channel: Channel = Channel.MAIL
) -> MobileTerminated:
    order_id = uuid4()
    message = bench.owe(
        person,
        "text",
        message_id=dispatched_message_id(order_id, 1),
        request_id=None,
        order_id=order_id,
        purpose=Purpose.NOTIFICATION,
        channel=channel,
        arrived_at=None,
    )
    content = OrderContent(order_id, person.subject_id, text, message.not_after, ADDRESS)
    bench.store.tables.contents[order_id] = content
    return bench.offer(message, lane=Lane.CHANNELS)


async def test_a_mail_goes_to_the_address_and_nothing_to_the_phone() -> None:
    adapter = Adapter()
    async with bench_with(adapter) as (bench, _):
        message = mail_to(bench, bench.person())
        result = await bench.result(message)
        text = bench.offer(bench.owe(bench.person()))
        assert (await bench.result(text)).centre == "main"
    assert (result.outcome, result.centre) == (Outcome.SUBMITTED, "channel:mail")
    assert [part.smsc_message_id for part in result.parts] == ["server-id"]
    assert adapter.got == [Outgoing(message.message_id, ADDRESS, "__MAIL__: hi")]


async def test_a_mail_that_may_have_been_taken_is_unknown_and_not_sent_again() -> None:
    adapter = Adapter(UnansweredError("no answer to DATA"))
    async with bench_with(adapter) as (bench, _):
        result = await bench.result(mail_to(bench, bench.person()))
    assert result.outcome is Outcome.UNKNOWN
    assert len(adapter.got) == 1


async def test_a_mail_that_is_refused_for_now_is_offered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ChannelBind, "back_off_s", 0.01)
    adapter = Adapter(Refused(Status.ESME_RX_T_APPN), Refused(Status.ESME_RX_T_APPN))
    async with bench_with(adapter) as (bench, _):
        result = await bench.result(mail_to(bench, bench.person()))
    assert result.outcome is Outcome.SUBMITTED
    assert [one.status for one in result.attempts or ()] == [Status.ESME_RX_T_APPN] * 2
    assert len(adapter.got) == 3


async def test_a_mail_that_is_refused_for_good_is_rejected() -> None:
    adapter = Adapter(Refused(Status.ESME_RINVDSTADR))
    async with bench_with(adapter) as (bench, _):
        result = await bench.result(mail_to(bench, bench.person()))
    assert result.outcome is Outcome.REJECTED
    assert [part.status for part in result.parts] == [Status.ESME_RINVDSTADR]


async def test_while_the_server_is_away_mails_wait_and_texts_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel_binds, "FIRST_PAUSE_S", 0.01)
    away = [UnavailableError("the mail server: connection refused") for _ in range(3)]
    adapter = Adapter(*away)
    async with bench_with(adapter) as (bench, reasons):
        person = bench.person()
        message = mail_to(bench, person)
        text = bench.offer(bench.owe(person))
        assert (await bench.result(text)).outcome is Outcome.SUBMITTED
        assert (await bench.result(message)).outcome is Outcome.SUBMITTED
    assert len(adapter.got) == 4
    assert set(reasons) == {"the mail server: connection refused", ""}
    assert reasons[-1] == ""


async def test_an_error_of_the_adapter_leaves_the_outcome_unknown() -> None:
    adapter = Adapter(KeyError("unforeseen"))
    async with bench_with(adapter) as (bench, _):
        result = await bench.result(mail_to(bench, bench.person()))
    assert result.outcome is Outcome.UNKNOWN


async def test_a_channel_that_is_not_configured_any_more_is_refused_and_no_text_leaves() -> None:
    async with bench_with(Adapter()) as (bench, _):
        sent = len(bench.script.submitted)
        message = mail_to(bench, bench.person(), "__HLR__", Channel.HLR)
        result = await bench.result(message)
        assert len(bench.script.submitted) == sent
    assert (result.outcome, result.centre) == (Outcome.REJECTED, NOT_OFFERED)
    assert [part.status for part in result.parts] == [Status.ESME_RINVSERTYP]


async def test_a_mail_that_backs_off_is_given_back_at_a_rebalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ChannelBind, "back_off_s", 3600.0)
    adapter = Adapter(Refused(Status.ESME_RX_T_APPN))
    async with bench_with(adapter) as (bench, _):
        message = mail_to(bench, bench.person())
        await bench.until(lambda: bool(bench.sender._driver._back_offs._timers))
        partition = TopicPartition(f"lane-{Lane.CHANNELS:d}", 0)
        await bench.sender.withdraw({partition}, within_s=PATIENCE_S)
        assert not bench.holds(message)
