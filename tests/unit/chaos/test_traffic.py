"""What the campaign's clients text: never anything else while parts of a text are unanswered."""

import asyncio
import random
from typing import Any

from inbound.smpp.status import Status
from tests.chaos.leaks import make_client
from tests.chaos.traffic import Traffic

_UDHI = 0x40


class _Centre:
    """Notes every PDU, and answers all that wait at once."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, asyncio.Future[int]]] = []

    def deliver(self, _number: str, _body: bytes, **fields: Any) -> asyncio.Future[int]:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((fields.get("esm_class", 0), future))
        return future

    def answer_all(self) -> None:
        for _, future in self.waiting:
            future.set_result(Status.ESME_ROK)
        self.waiting.clear()


async def test_a_client_sends_nothing_else_while_parts_are_unanswered() -> None:
    centre = _Centre()
    traffic = Traffic([make_client(0)], centre.deliver, random.Random(1), per_second=1)
    client = traffic.clients[0]
    seen_parts = 0
    for _ in range(200):
        for _ in range(4):
            traffic.send_next(client)
        commands = [esm_class for esm_class, _ in centre.waiting]
        if _UDHI in commands:
            seen_parts += 1
            assert set(commands) == {_UDHI}
        centre.answer_all()
        await asyncio.sleep(0)  # the callbacks of the parts
        await asyncio.sleep(0)  # the callback of the text
        assert client.open_texts == 0
    assert seen_parts > 10
    assert all(text.accepted_at is not None for text in client.texts)
