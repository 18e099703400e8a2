"""An SMS centre for trial and tests: takes messages, keeps them, hands them on by number.

There are two kinds of client. An *account* is an ESME with a password and the number it
serves; what is sent to that number reaches it as deliver_sm. A *phone* binds as system_id
"phone" with its number as address_range (SMPP 3.4, 5.2.7), or with a range that ends in
"*", like "+7900*", to be all the phones whose numbers begin so; parts and headers reach it
untouched. Messages are kept in memory, within limits, and are gone when the centre ends.
"""

import hmac
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from ssl import SSLContext
from typing import Any, Final, Self

from inbound.errors import SetupError
from inbound.smpp.listener import Listener, listen
from inbound.smpp.pdu import Bind, DeliverSm, Request, SubmitSm
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Answer, Session, SessionSettings, State
from inbound.smpp.status import Status
from inbound.smsc.faults import Faults, NoFaults
from inbound.smsc.mailbox import Letter, Mailbox
from inbound.smsc.receipts import receipt, wanted

log = logging.getLogger(__name__)

PHONE: Final = "phone"
# Bits 7..6 of esm_class (SMPP 3.4, 5.2.12), reply path and UDHI, belong to the message;
# the rest says how the submitting side wanted it handled.
_GSM_FEATURES: Final = 0xC0


@dataclass(frozen=True, slots=True)
class Account:
    """An ESME the centre knows; `rate` is in submit_sm a second, 0 for no limit."""

    system_id: str
    password: str = field(repr=False)
    number: str
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreSettings:
    """Where the centre listens, whom it serves, and its limits; times in seconds.

    `mailbox_limit` bounds the messages that wait for one receiver, `kept_limit` those for
    all numbers whose phone has not been seen yet: then the oldest is dropped.
    """

    host: str = "127.0.0.1"
    port: int = 2775
    accounts: tuple[Account, ...] = ()
    window: int = 500
    mailbox_limit: int = 100_000
    kept_limit: int = 10_000
    retry_s: float = 1.0
    enquire_link_s: float = 30.0
    response_timeout_s: float = 10.0


@dataclass(slots=True)
class CentreStats:
    """Counters from the centre's start."""

    submitted: int = 0
    throttled: int = 0
    refused: int = 0
    dropped: int = 0


@dataclass(slots=True)
class _Client:
    """An account while the centre runs."""

    account: Account
    mailbox: Mailbox
    bucket: TokenBucket


class Centre:
    """The centre; use it with `async with`, or `start` and `close`."""

    def __init__(
        self,
        settings: CentreSettings,
        *,
        faults: Faults | None = None,
        ids: Iterator[str] | None = None,
        wall_clock: Callable[[], float] = time.time,
        ssl: SSLContext | None = None,
    ) -> None:
        """Take settings; `ids` are the message ids it gives out, hexadecimal by default."""
        self.settings = settings
        self.stats = CentreStats()
        self._faults = faults or NoFaults()
        self._ids = ids or (f"{number:x}" for number in itertools.count(time.time_ns() // 1000))
        self._wall_clock = wall_clock
        self._ssl = ssl
        self._listener: Listener | None = None
        self._clients = {
            account.system_id: _Client(
                account, self._mailbox(), TokenBucket(account.rate, time.monotonic)
            )
            for account in settings.accounts
        }
        self._served = {_digits(client.account.number): client for client in self._clients.values()}
        self._phones: dict[str, Mailbox] = {}
        self._kept: deque[Letter] = deque()

    @property
    def port(self) -> int:
        """The port it listens on. Raises `SetupError` before `start`."""
        if self._listener is None:
            raise SetupError("the SMS centre is not started")
        return self._listener.port

    def account(self, system_id: str) -> Mailbox:
        """Return the mailbox of an account: what waits for it, and counters."""
        return self._clients[system_id].mailbox

    async def start(self) -> Self:
        """Listen. Raises `OSError` when the port is taken."""
        settings = self.settings
        self._listener = await listen(
            settings.host,
            settings.port,
            on_bind=self._on_bind,
            on_request=self._on_request,
            on_change=self._on_change,
            settings=SessionSettings(
                window=settings.window,
                response_timeout_s=settings.response_timeout_s,
                enquire_link_s=settings.enquire_link_s,
                queue_limit=10 * settings.window,
                system_id="scserv-smsc",
            ),
            ssl=self._ssl,
        )
        return self

    async def close(self) -> None:
        """Unbind every client and stop listening. Safe to repeat."""
        if self._listener is not None:
            await self._listener.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Who is bound.

    async def _on_bind(self, bind: Bind, _session: Session) -> int:
        if bind.system_id == PHONE:
            return Status.ESME_ROK if _digits(bind.address_range) else Status.ESME_RBINDFAIL
        client = self._clients.get(bind.system_id)
        if client is None:
            return Status.ESME_RINVSYSID
        same = hmac.compare_digest(client.account.password.encode(), bind.password.encode())
        return Status.ESME_ROK if same else Status.ESME_RINVPASWD

    def _on_change(self, session: Session) -> None:
        bound = session.bound_as
        if bound is None or not bound.receives:
            return
        if bound.system_id == PHONE:
            self._phone_changed(session, _digits(bound.address_range))
        elif session.state is State.BOUND:
            self._clients[bound.system_id].mailbox.attach(session)
        else:
            self._clients[bound.system_id].mailbox.detach(session)

    def _phone_changed(self, session: Session, numbers: str) -> None:
        if session.state is State.BOUND:
            mailbox = self._phones.setdefault(numbers, self._mailbox())
            mailbox.attach(session)
            self._hand_out_kept()
            return
        mailbox = self._phones[numbers]
        mailbox.detach(session)
        if not mailbox.size and not mailbox.sessions:
            del self._phones[numbers]

    def _hand_out_kept(self) -> None:
        """Give what was kept for numbers without a phone to the phones there are now."""
        kept, self._kept = self._kept, deque()
        for letter in kept:
            self._hand_over(letter)

    # What is sent.

    async def _on_request(self, request: Request[Any], session: Session) -> Answer:
        if not isinstance(request, SubmitSm):
            answer: Answer = request.answer(Status.ESME_RINVCMDID)
            return answer
        return await self._faults.on_submit(request, session, self._submit)

    async def _submit(self, pdu: SubmitSm, session: Session) -> Answer:
        self.stats.submitted += 1
        client = self._clients.get(session.bound_as.system_id) if session.bound_as else None
        status = self._throttle(client) if client else _own_number(pdu, session)
        if status:
            self.stats.refused += 1
            return pdu.answer(status)
        message_id = next(self._ids)
        settled = None
        if client is not None and pdu.registered_delivery & 0x03:
            settled = partial(self._settle, client, pdu, message_id, self._wall_clock())
        if not self._hand_over(Letter(_delivery(pdu), settled)):
            self.stats.refused += 1
            return pdu.answer(Status.ESME_RMSGQFUL)
        answer = pdu.answer()
        answer.message_id = message_id
        return answer

    def _throttle(self, client: _Client) -> int:
        if client.bucket.delay():
            self.stats.throttled += 1
            return Status.ESME_RTHROTTLED
        client.bucket.take()
        return Status.ESME_ROK

    def _hand_over(self, letter: Letter) -> bool:
        """Put a message where its destination number belongs; False when there is no room."""
        number = _digits(letter.pdu.destination_addr)
        if (client := self._served.get(number)) is not None:
            return client.mailbox.put(letter)
        mailbox = self._phones.get(number) or self._range_of(number)
        if mailbox is not None:
            return mailbox.put(letter)
        if len(self._kept) >= self.settings.kept_limit:
            self._kept.popleft()
            self.stats.dropped += 1
        self._kept.append(letter)
        return True

    def _range_of(self, number: str) -> Mailbox | None:
        for numbers, mailbox in self._phones.items():
            if numbers[-1] == "*" and number.startswith(numbers[:-1]):
                return mailbox
        return None

    def _settle(
        self, client: _Client, pdu: SubmitSm, message_id: str, submitted: float, status: int
    ) -> None:
        """Send the receipt of a message whose fate is known, if it was asked for."""
        if wanted(pdu, status):
            done = self._wall_clock()
            if not client.mailbox.put(Letter(receipt(pdu, message_id, status, submitted, done))):
                self.stats.dropped += 1

    def _mailbox(self) -> Mailbox:
        settings = self.settings
        return Mailbox(settings.mailbox_limit, settings.retry_s, before=self._faults.on_deliver)


def _digits(number: str) -> str:
    """Return a number or range as its digits, with the "*" of a range."""
    return "".join(char for char in number if char.isdigit() or char == "*")


def _own_number(pdu: SubmitSm, session: Session) -> int:
    """Check that a phone sends from its own number, and put the number in when it is missing."""
    own = _digits(session.bound_as.address_range) if session.bound_as else ""
    if not pdu.source_addr and own[-1:] != "*":
        pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr = 1, 1, own
    number = _digits(pdu.source_addr)
    matches = number.startswith(own[:-1]) if own[-1:] == "*" else number == own
    return Status.ESME_ROK if matches and number else Status.ESME_RINVSRCADR


def _delivery(pdu: SubmitSm) -> DeliverSm:
    """Return the deliver_sm of a submitted message; text, header and TLVs stay as they are."""
    return DeliverSm(
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class & _GSM_FEATURES,
        protocol_id=pdu.protocol_id,
        priority_flag=pdu.priority_flag,
        data_coding=pdu.data_coding,
        short_message=pdu.short_message,
        tlvs=pdu.tlvs,
    )
