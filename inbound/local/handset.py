"""Simulated phones for the desk's handset: on while somebody looks, off a minute later.

A phone that stayed on would take the replies to texts that `scserv text` sends from its number.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from inbound.clock import utc_now
from inbound.desk.handset.phones import Conversation, PhoneError, PhoneMessage
from inbound.errors import ScservError
from inbound.local.samples import SAMPLES
from inbound.local.simulator.phone import Phone
from inbound.settings import Settings
from inbound.smpp.errors import SmppError
from inbound.smpp.segmentation import part_count

OFF_AFTER_S: Final = 60.0
SWITCH_ON_S: Final = 1.0
SEND_S: Final = 5.0
_KEPT: Final = 50
_NUMBERS: Final = tuple(number for number, *_ in SAMPLES[1:])


class SimulatedPhones:
    """Phones of sample clients at the SMS centre of these settings.

    Not the first one's: that is the number of the example for `scserv text`.
    """

    def __init__(self, settings: Settings, numbers: Sequence[str] = _NUMBERS) -> None:
        self.numbers = numbers
        self._owned = {number: _OwnedPhone(settings, number) for number in numbers}

    async def look(self, number: str) -> Conversation:
        """Return what is on a phone, and keep it on for a while."""
        return await self._owned[number].look()

    async def send(self, number: str, text: str) -> None:
        """Send a text to the service."""
        await self._owned[number].send(text)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Switch the phones off when nobody looks, and at the end."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one.switch_off_when_idle()) for one in self._all]
                yield
                for task in tasks:
                    task.cancel()
        finally:
            for one in self._all:
                await one.switch_off()

    @property
    def _all(self) -> "Sequence[_OwnedPhone]":
        return list(self._owned.values())


class _OwnedPhone:
    """One phone with what it has sent and received."""

    def __init__(self, settings: Settings, number: str) -> None:
        self._settings = settings
        self._number = number
        self._messages: deque[PhoneMessage] = deque(maxlen=_KEPT)
        self._seen = time.monotonic()
        self._phone: Phone | None = None
        self._stack = AsyncExitStack()
        self._receiving: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> Conversation:
        problem = ""
        try:
            await self._switched_on()
        except PhoneError as error:
            problem = str(error)
        return Conversation(tuple(self._messages), problem)

    async def send(self, text: str) -> None:
        phone = await self._switched_on()
        parts = part_count(text, "gsm0338")
        message = PhoneMessage(utc_now(), text, parts, is_sent=True)
        self._messages.append(message)
        try:
            async with asyncio.timeout(SEND_S):
                await phone.text(text)
        except (ScservError, TimeoutError) as error:
            self._messages.remove(message)
            raise PhoneError(str(error) or "the SMS centre does not answer") from error

    async def switch_off_when_idle(self) -> None:
        while True:
            await asyncio.sleep(OFF_AFTER_S / 4)
            if time.monotonic() - self._seen > OFF_AFTER_S:
                await self.switch_off()

    async def switch_off(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        self._receiving = self._phone = None
        with contextlib.suppress(SmppError, OSError):
            await self._stack.aclose()

    async def _switched_on(self) -> Phone:
        self._seen = time.monotonic()
        async with self._turn:
            if self._phone is not None and self._receiving and not self._receiving.done():
                return self._phone
            await self.switch_off()
            smpp = self._settings.smpp
            phone = Phone(
                smpp.host,
                smpp.port,
                self._number,
                federal=self._settings.federal_number,
                password=self._settings.phone_password.get_secret_value(),
            )
            try:
                async with asyncio.timeout(SWITCH_ON_S):
                    await self._stack.enter_async_context(phone)
            except (OSError, SmppError, TimeoutError) as error:
                raise PhoneError(f"no simulated SMS centre at {smpp.host}:{smpp.port}") from error
            self._phone = phone
            self._receiving = asyncio.create_task(self._receive(phone))
            return phone

    async def _receive(self, phone: Phone) -> None:
        async for one in phone.received():
            at = datetime.fromtimestamp(one.at, UTC)
            self._messages.append(
                PhoneMessage(at, one.text, one.parts, is_sent=False, sender=one.sender)
            )
