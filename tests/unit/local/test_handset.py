"""The phones of the handset, at a simulated SMS centre: on while somebody looks."""

import asyncio
from collections.abc import Callable

import pytest

from inbound.desk.handset.phones import Conversation, PhoneError
from inbound.local import handset
from inbound.local.handset import SimulatedPhones
from inbound.local.samples import SAMPLES
from inbound.settings import Settings
from inbound.smpp.pdu import SubmitSmResp
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import NUMBER, accept, account, simulator, submit


def phones_at(port: int) -> SimulatedPhones:
    smpp = {"host": "127.0.0.1", "port": port}
    return SimulatedPhones(Settings.model_validate({"smpp": smpp}), [NUMBER])


async def until(phones: SimulatedPhones, check: Callable[[Conversation], bool]) -> Conversation:
    async with asyncio.timeout(PATIENCE_S):
        while not check(found := await phones.look(NUMBER)):  # noqa: ASYNC110  it tells only who asks
            await asyncio.sleep(0.005)
    return found


async def test_a_text_goes_out_and_a_message_comes_in() -> None:
    async with simulator() as centre, account(centre) as peer:
        phones = phones_at(centre.port)
        async with phones.running():
            sending = asyncio.create_task(phones.send(NUMBER, "CLIENT info"))
            assert (await accept(peer)).short_message == b"CLIENT info"
            await sending
            peer.send(submit(NUMBER, text=b"hello"))
            await peer.read(SubmitSmResp)
            found = await until(phones, lambda one: len(one.messages) == 2)
    sent, received = found.messages
    assert (sent.text, sent.is_sent, sent.parts) == ("CLIENT info", True, 1)
    assert (received.text, received.is_sent) == ("hello", False)
    assert received.at >= sent.at
    assert found.last_sent == sent


async def test_a_centre_that_is_away_is_a_problem_and_its_return_is_none() -> None:
    async with simulator() as centre:
        port = centre.port
        phones = phones_at(port)
        assert (await phones.look(NUMBER)).problem == ""
    found = await until(phones, lambda one: bool(one.problem))
    assert f"127.0.0.1:{port}" in found.problem
    with pytest.raises(PhoneError):
        await phones.send(NUMBER, "CLIENT info")
    assert not (await phones.look(NUMBER)).messages
    async with simulator(port=port):
        assert (await phones.look(NUMBER)).problem == ""
        await phones._owned[NUMBER].switch_off()


async def test_a_phone_is_off_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handset, "OFF_AFTER_S", 0.0)
    async with simulator() as centre:
        phones = phones_at(centre.port)
        async with phones.running():
            await phones.look(NUMBER)
            async with asyncio.timeout(PATIENCE_S):
                while phones._owned[NUMBER]._phone is not None:  # noqa: ASYNC110  it tells only who asks
                    await asyncio.sleep(0.005)


def test_the_example_of_scserv_text_is_no_phone_of_the_handset() -> None:
    assert SAMPLES[0][0] not in SimulatedPhones(Settings()).numbers
    assert len(SimulatedPhones(Settings()).numbers) == 2
