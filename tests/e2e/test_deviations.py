"""An SMS centre that deviates from the specification, on the whole service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from inbound.smpp.pdu import DeliverSm
from inbound.smpp.status import Status
from tests.e2e.script import ACCOUNT
from tests.fix_service import STOPPED, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

STOP = b"CLIENT sms stop"
Fields = dict[str, Any]


@dataclass(slots=True, repr=False, kw_only=True)
class DeliverWithGarbage(DeliverSm):
    """A deliver_sm with octets after it."""

    garbage: bytes = b""

    def body(self) -> bytes:
        """Return the body and the garbage."""
        return DeliverSm.body(self) + self.garbage


# What a deviation does to a text from these digits, and its kind in the log.
DEVIATIONS: Mapping[str, tuple[Callable[[str], Fields], str]] = {
    "an octet more": (lambda _: {"garbage": b"\0"}, "optional_part"),
    "a TLV that is cut": (lambda _: {"garbage": bytes.fromhex("0204000201")}, "optional_part"),
    "a NUL at its end": (lambda _: {"short_message": STOP + b"\0"}, "nul_padding"),
    "a malformed header": (
        lambda _: {"esm_class": 0x40, "short_message": bytes.fromhex("0600037f010100") + STOP},
        "user_data_header",
    ),
    "no header": (lambda _: {"esm_class": 0x40}, "user_data_header"),
    "an escape": (lambda _: {"short_message": STOP.replace(b"I", b"\x1bI")}, "escape"),
    "the prefix 00": (lambda digits: {"source_addr": f"00{digits}"}, "number_form"),
    "the prefix 810": (lambda digits: {"source_addr": f"810{digits}"}, "number_form"),
    "a national number": (lambda digits: {"source_addr": digits[1:]}, "number_form"),
}


async def deliver(service: Service, number: str, fields: Fields) -> int:
    """Deliver a text on the service's bind and return the status of the answer."""
    digits = number.removeprefix("+")
    values: Fields = {"source_addr_ton": 1, "source_addr": digits, "short_message": STOP}
    (session,) = service.centre.queue(ACCOUNT.system_id).sessions
    answer = await session.send(DeliverWithGarbage(**(values | fields)))
    return answer.status


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_a_command_is_answered_and_its_person_erased(service: Service, name: str) -> None:
    number = service.new_client().number
    deviate, kind = DEVIATIONS[name]
    fields = deviate(number.removeprefix("+"))
    assert await deliver(service, number, fields) == Status.ESME_ROK
    assert (await service.script.replies(number))[-1] == STOPPED
    await service.completed(number)
    assert service.log_of("gateway").count(f'kind="{kind}"') == 1

    shown = await service.command("timeline", "--phone", number, "--lang", "en")
    assert "CLIENT sms stop" in shown.out
    erased = await service.command("erase", "--phone", number, "--reason", "asked", "--yes")
    assert "removed: 1 link from the number to its subject" in erased.out
    assert service.events(number) == []


async def test_a_number_that_is_not_certain_gets_nothing(service: Service) -> None:
    client = service.new_client()
    digits = client.number.removeprefix("+")
    for source in (digits[:-1], f"{digits[:4]}***{digits[7:]}", f"{digits}.0", f"{digits}0"):
        status = await deliver(service, client.number, {"source_addr": source})
        assert status == Status.ESME_ROK
    # A text that follows them is answered, and they are not.
    await service.text(client.number, STOP)
    await service.completed(client.number)
    assert service.accepted(client.number) == ["sms_stop"]
    assert service.log_of("gateway").count('kind="unreadable_number"') == 1


async def test_an_erasure_finds_the_wrong_number_of_an_earlier_release(service: Service) -> None:
    client = service.new_client()
    await service.text(client.number, STOP)
    await service.completed(client.number)
    hasher, wrong = service.hasher, f"+00{client.number[1:]}"
    service.execute(
        "UPDATE subjects SET number_hash = %s WHERE number_hash = %s",
        hasher.hash(wrong),
        hasher.hash(client.number),
    )
    subject = service.events(wrong)[0].stream_id
    said = await service.command("erase", "--phone", client.number, "--reason", "asked", "--yes")
    assert f"erased +0079*******{wrong[-2:]}, subject {subject}" in said.out
    assert service.events(wrong) == []
