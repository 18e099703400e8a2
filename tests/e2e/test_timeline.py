"""Support's question answered over the whole service: from the text to the phone and back."""

import asyncio
import json
from typing import Any

import pytest

from tests.fix_service import Client, Service, eventually
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

UCS_2 = 0x08
UDHI = 0x40
CODE, LOGIN, PASSWORD = "code-canary-4", "login-canary-5", "pass-canary-6"


async def timeline(service: Service, *arguments: str) -> str:
    """What `scserv timeline` prints; it must end well."""
    ran = await service.command("timeline", *arguments)
    assert ran.status == 0, ran.err
    said = ran.out + ran.err
    for secret in (CODE, LOGIN, PASSWORD):
        assert secret not in said
    return said


async def as_data(service: Service, *arguments: str) -> Any:
    return json.loads(await timeline(service, *arguments, "--json"))


async def delivered(service: Service, number: str, messages: int) -> None:
    def count() -> int:
        return sum(event.type == "message.delivered" for event in service.events(number))

    await eventually(lambda: count() >= messages, lambda: f"{count()} messages are delivered")


def canary(service: Service) -> Client:
    return service.new_client(personal_code=CODE, login=LOGIN, password=PASSWORD)


async def test_every_step_from_the_text_to_the_receipt(service: Service) -> None:
    client = canary(service)
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        await phone.text("CLIENT info")
        for _ in range(2):
            await phone.receive()
    await delivered(service, client.number, 2)
    told = await as_data(service, "--phone", client.number, "--lang", "en")
    [request] = told["requests"]
    steps = [step["step"] for step in request["steps"]]
    assert steps[:6] == ["arrived", "parsed", "decided", "recorded", "queued", "sent"]
    assert sorted(steps[6:]) == sorted(
        ["result", "queued", "sent", "result", "completed", "receipt", "receipt"]
    )
    assert request["verdict"] == "delivered"
    assert request["clock"]["state"] == "kept"
    arrived, parsed = (step["details"] for step in request["steps"][:2])
    assert (arrived["our_number"], arrived["data_coding"]) == ("+79086228779", 0)
    assert arrived["gateway"]
    assert (parsed["alphabet"], parsed["octets"]) == ("gsm0338", len("CLIENT info"))
    results = [s["details"] for s in request["steps"] if s["step"] == "result"]
    assert [[part["status_name"] for part in one["parts"]] for one in results] == [
        ["ESME_ROK"],
        ["ESME_ROK"] * 3,
    ]
    assert all(step["after_s"] > -1 for step in request["steps"])

    by_request = await as_data(service, "--request", request["request_id"])
    centre_id = results[1]["parts"][2]["smsc_message_id"]
    by_centre = await as_data(service, "--message-id", centre_id)
    by_message = await as_data(service, "--message-id", results[0]["message_id"])
    by_trace = await as_data(service, "--trace", request["trace_id"])
    for other in (by_request, by_centre, by_message, by_trace):
        assert [one["request_id"] for one in other["requests"]] == [request["request_id"]]

    for lang, said in (("en", "was delivered to your phone"), ("ru", "доставлен на Ваш телефон")):
        shown = await timeline(service, "--phone", client.number, "--lang", lang)
        assert said in " ".join(shown.split())
        assert client.number[2:] not in shown


async def test_a_text_that_was_no_command_is_known(service: Service) -> None:
    client = canary(service)
    await service.text(client.number, "СLIENT info".encode("utf-16-be"), data_coding=UCS_2)
    await service.text(client.number, "CLIENT info please")
    half = b"\x05\x00\x03\x07\x02\x01CLIENT"
    await service.text(client.number, half, esm_class=UDHI)
    # Texts of one number are processed in order: after this one the others are.
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number)
    told = await as_data(service, "--phone", client.number, "--lang", "en")
    assert {miss["kind"] for miss in told["misses"]} == {"look_alike", "extra_words"}
    assert [text["sequences"] for text in told["unfinished"]] == [[1]]
    assert [request["command"] for request in told["requests"]] == ["sms_stop"]
    shown = await timeline(service, "--phone", client.number, "--lang", "ru")
    assert "буквы, лишь похожие на латинские" in " ".join(shown.split())
    assert "please" not in shown


async def test_a_duplicate_within_the_minute_is_known(service: Service) -> None:
    client = canary(service)
    for _ in range(2):
        await service.text(client.number, "CLIENT sms start")
    await service.script.replies(client.number)
    # The replies to the first text say nothing of the second.
    async with asyncio.timeout(PATIENCE_S):
        while not (told := await as_data(service, "--phone", client.number))["misses"]:
            pass
    assert [miss["kind"] for miss in told["misses"]] == ["duplicate"]
    assert len(told["requests"]) == 1


async def test_nothing_arrived_at_all(service: Service) -> None:
    [number] = service.new_numbers(1)
    # As long as texts may wait to be processed, it is not said.
    async with asyncio.timeout(PATIENCE_S):
        while "We have no record of a text from this number." not in (
            said := await timeline(service, "--phone", number, "--lang", "en")
        ):
            pass
    assert number[2:] not in said


async def test_a_reveal_shows_the_number_and_is_recorded(service: Service) -> None:
    client = canary(service)
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number)
    said = await timeline(service, "--phone", client.number, "--reveal", "case 77")
    assert client.number in said
    [(action, reason)] = service.rows("SELECT action, reason FROM audit")
    assert (action, reason) == ("timeline.reveal", "case 77")
