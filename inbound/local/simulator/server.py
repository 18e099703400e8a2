"""The simulated SMSC: accepts messages, queues them in memory, and delivers them by number.

It has two kinds of client. An *account* is an ESME with a password and the numbers it
serves; messages to those numbers reach it as deliver_sm. A *phone* binds as system_id
"phone" with its number as address_range (SMPP 3.4, 5.2.7), or with a prefix like "+7900*"
to stand for all phones whose numbers begin with it. All phones have one password; without
one, those of other users of this host are refused.
Phones receive parts and headers unchanged. Queues have limits, and messages are lost when the
simulator ends.

Faults come from a script or magic numbers (docs/SIMULATOR.md), or from a `Faults` object of
the caller.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from functools import partial
from ssl import SSLContext
from typing import Any, Self

from inbound.errors import SetupError
from inbound.local.simulator.attacks import Attacker
from inbound.local.simulator.client_links import ANSWERS, Client, ClientLinks, error_text, kind_of
from inbound.local.simulator.client_session import ClientSession
from inbound.local.simulator.delivery_queue import Deliverable, DeliveryQueue
from inbound.local.simulator.fault_injector import FaultInjector
from inbound.local.simulator.faults import Faults, NoFaults
from inbound.local.simulator.ledger import PduLedger
from inbound.local.simulator.message_states import MessageStates
from inbound.local.simulator.message_tracker import MessageTracker
from inbound.local.simulator.router import Router, digits
from inbound.local.simulator.scheduler import Sleep, TaskScheduler
from inbound.local.simulator.script import Attack
from inbound.local.simulator.settings import (
    PHONE,
    SimulatorAccount,
    SimulatorSettings,
    SimulatorStats,
)
from inbound.local.simulator.statistics import line_of
from inbound.local.simulator.submissions import Submissions
from inbound.smpp.listener import Listener, listen
from inbound.smpp.pdu import BindPdu, DataSm, DeliverSm, QuerySm, RequestPdu, ResponsePdu, SubmitSm
from inbound.smpp.rate import TokenBucket
from inbound.smpp.session import Answer, Session, SessionSettings, SessionState
from inbound.smpp.status import Status
from inbound.smpp.submitted_data import as_submit, check

__all__ = ["PHONE", "Simulator", "SimulatorAccount", "SimulatorSettings", "SimulatorStats"]


class Simulator:
    """The simulated SMSC. Use it with `async with`, or `start` and `close`."""

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        faults: Faults | None = None,
        ids: Iterator[str] | None = None,
        wall_clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        ledger: PduLedger | None = None,
        ssl: SSLContext | None = None,
    ) -> None:
        """Take settings. `ids` are the message ids to assign, in hexadecimal.

        `faults` replace the script and magic numbers of the settings; delays await `sleep`.
        Raises `SetupError` for contradictory settings.
        """
        scripted = settings.magic or settings.script.rule
        if faults is not None and scripted:
            raise SetupError("faults can't be combined with a script or magic numbers")
        self.settings = settings
        self.stats = SimulatorStats()
        self.ledger = ledger or PduLedger(settings.ledger_limit, time.monotonic)
        self._wall_clock = wall_clock
        self._ssl = ssl
        self._listener: Listener | None = None
        self._scheduler = TaskScheduler(sleep)
        self._clients = {account.system_id: self._client(account) for account in settings.accounts}
        self._links = ClientLinks(
            self._clients,
            self.ledger,
            strict=settings.strict_binds,
            phone_password=settings.phone_password,
        )
        self._injector = FaultInjector(
            settings.script,
            self._links,
            self._scheduler,
            magic=settings.magic,
            window=settings.window,
        )
        self._attacker = Attacker(settings.script.attack, self._links, self._scheduler)
        self._faults: Faults = faults or (self._injector if scripted else NoFaults())
        served = {
            digits(number): client.queue
            for client in self._clients.values()
            for number in client.account.numbers
        }
        self._states = MessageStates(settings.query_limit)
        self._router = Router(served, self._new_queue, settings.kept_limit, self.stats)
        self._tracker = MessageTracker(
            ids or (f"{number:x}" for number in itertools.count(time.time_ns() // 1000)),
            self._router.hand_over,
            settings.script.dialects,
            self._scheduler,
            wall_clock,
            self.stats,
            self._states,
        )
        self._submissions = Submissions(self._links, self._tracker, self.stats)

    @property
    def port(self) -> int:
        """The port. Raises `SetupError` before `start`."""
        if self._listener is None:
            raise SetupError("the simulator is not started")
        return self._listener.port

    def queue(self, system_id: str) -> DeliveryQueue:
        """Return the delivery queue of an account, with its counters."""
        return self._clients[system_id].queue

    def statistics(self) -> str:
        """Return the counters so far as one line."""
        return line_of(
            self.stats, self.ledger, links=len(self._links), waiting=self._router.waiting
        )

    async def attack(self, attack: Attack) -> int:
        """Attack every link of the account now; return how many PDUs were sent.

        Waits until all are sent or the links have ended.
        """
        links = self._links.of_account(attack.account)
        return sum(await asyncio.gather(*(self._attacker.run(attack, link) for link in links)))

    async def start(self) -> Self:
        """Start listening. Raises `OSError` when the port is taken."""
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
            session=partial(ClientSession, on_enquire_link=self._injector.on_enquire_link),
        )
        return self

    async def close(self) -> None:
        """Unbind every client and stop listening. Safe to repeat."""
        self._scheduler.close()
        if self._listener is not None:
            await self._listener.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Binds.

    async def _on_bind(self, bind: BindPdu, session: Session) -> int:
        status = await self._injector.on_bind(bind, session, self._links.admit)
        detail = f"{bind.system_id} {bind.system_type}".rstrip()
        self._links.event(session, "bind", detail)
        self._links.answer(session, "bind_resp", bind.answer(status))
        return status

    def _on_change(self, session: Session) -> None:
        if session.state is SessionState.UNBINDING:
            return
        if session.state is SessionState.OPEN:
            self._links.opened(session)
        elif session.state is SessionState.CLOSED:
            self._links.closed(session)
        elif session.state is SessionState.BOUND:
            self._attacker.begin(session)
        bound = session.bound_as
        if bound is None or not bound.receives:
            return
        if bound.system_id == PHONE:
            self._router.phone_changed(session, digits(bound.address_range))
        elif session.state is SessionState.BOUND:
            self._clients[bound.system_id].queue.attach(session)
        else:
            self._clients[bound.system_id].queue.detach(session)

    # Requests of clients.

    async def _on_request(self, request: RequestPdu[Any], session: Session) -> Answer:
        detail = ""
        if isinstance(request, DataSm):
            detail = "data_sm"
            if status := check(request):
                return request.answer(status)
            request = as_submit(request)
        if not isinstance(request, SubmitSm):
            return self._answer_other(request, session)
        link = self._links.get(session)
        if link is not None:
            self.ledger.message("submit_sm", link.number, link.system_id, request, detail)
        answer = await self._faults.on_submit(request, session, self._submissions.take)
        if link is not None and isinstance(answer, ResponsePdu):
            answer.sequence = request.sequence
            self.ledger.answer("submit_sm_resp", link.number, link.system_id, answer)
        return answer

    def _answer_other(self, request: RequestPdu[Any], session: Session) -> Answer:
        answer: ResponsePdu = request.answer(Status.ESME_RINVCMDID)
        link = self._links.get(session)
        if isinstance(request, QuerySm) and link is not None:
            self._links.event(session, "query_sm")
            answer = self._states.answer(request, link.system_id)
            if self._injector.on_query(request, session, answer):
                return None
            answer.sequence = request.sequence
            self._links.answer(session, "query_sm_resp", answer)
        return answer

    # Deliveries to clients.

    def _send(self, pdu: Deliverable, session: Session) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] | None = None
        if isinstance(pdu, DeliverSm):
            future = self._faults.on_deliver(pdu, session)
        if future is None:
            future = session.send(pdu)
            what = kind_of(pdu)
            if self.ledger.idle:
                self.ledger.counts[what] += 1
            else:
                self._links.message(session, what, pdu)
        return future

    def _answered(
        self, pdu: Deliverable, session: Session, outcome: ResponsePdu | BaseException
    ) -> None:
        if isinstance(outcome, BaseException):
            self._links.event(session, "unanswered", error_text(outcome))
            return
        what = ANSWERS[kind_of(pdu)]
        if self.ledger.idle:
            self.ledger.counts[what] += 1
        else:
            self._links.answer(session, what, outcome)

    def _client(self, account: SimulatorAccount) -> Client:
        dialects, name = self.settings.script.dialects, account.dialect or self.settings.dialect
        if name not in dialects:
            raise SetupError(
                f"account {account.system_id}: unknown dialect {name!r}; choose one of "
                f"{', '.join(dialects)}"
            )
        spare = max(0, self.settings.window - account.window) if account.window else 0
        bucket = TokenBucket(account.rate, time.monotonic)
        return Client(account, self._new_queue(spare), bucket, dialects[name])

    def _new_queue(self, spare: int = 0) -> DeliveryQueue:
        settings = self.settings
        return DeliveryQueue(
            settings.delivery_queue_limit,
            settings.retry_s,
            self._send,
            self._answered,
            spare=spare,
            wall_clock=self._wall_clock,
        )
