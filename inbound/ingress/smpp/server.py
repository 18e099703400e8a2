"""The listener: lets programs bind, takes what they submit, and delivers to them.

A message is answered with ESME_ROK once its order is stored, so none is lost whichever process is
killed. Messages of many links share transactions; each link gets its answers in order.

Connections are limited before anything is read from them: of each address, and of all. One that has
not bound makes room for a new one.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from ssl import SSLContext
from typing import Any, Final

from inbound.api.accepting import Accepting
from inbound.api.addresses import client_of
from inbound.api.connections import ConnectionLimits, Slot
from inbound.api.server import BACKLOG
from inbound.errors import RetryableError
from inbound.ingress.access import Access, Denial, DeniedError
from inbound.ingress.smpp.bind_pace import BindPace
from inbound.ingress.smpp.links import AccountLinks, Link
from inbound.ingress.smpp.lookups import Lookups
from inbound.ingress.smpp.submitting import Submitting, Taken
from inbound.ops import server_metrics
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import (
    BindPdu,
    CancelSm,
    DataSm,
    MessageResp,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
)
from inbound.smpp.session import Answer, Session, SessionRole, SessionSettings, SessionState
from inbound.smpp.status import Status, name_of
from inbound.smpp.submitted_data import as_submit, check
from inbound.store.access.account_credentials import SignedIn
from inbound.store.smpp.links import NewLink

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 1000
MOST_OF_ADDRESS: Final = 100
NAME: Final = "scserv"
"""The system_id in our bind responses."""

_DELIVERY_WINDOW: Final = 20
_ANSWER_S: Final = 30.0
_BIND_S: Final = 10.0
_STOP_S: Final = 5.0
_HOLD_BACK_S: Final = 1.0
_VERSION: Final = 0x50
_OF_DENIAL: Final = {
    Denial.WRONG: Status.ESME_RINVPASWD,
    Denial.FOREIGN_ADDRESS: Status.ESME_RBINDFAIL,
    Denial.BANNED: Status.ESME_RBINDFAIL,
    Denial.THROTTLED: Status.ESME_RBINDFAIL,
}


@dataclass(frozen=True, slots=True)
class ServerRules:
    """What the server goes by. `rate_per_s` is that of accounts without a rate of their own."""

    host: str
    rate_per_s: float
    window: int
    idle_s: float


class SmppServer:
    """The SMPP server of one process; `start`, then `close` at the end."""

    def __init__(
        self,
        rules: ServerRules,
        access: Access,
        links: AccountLinks,
        submitting: Submitting,
        lookups: Lookups,
        *,
        rate_of: Callable[[str], Awaitable[int | None]],
        add_link: Callable[[NewLink], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        """`rate_of` returns the rate of an account, in messages a second.

        `add_link` tells the other processes of a link before its bind is answered.
        """
        self._rules = rules
        self._access = access
        self._links = links
        self._submitting = submitting
        self._lookups = lookups
        self._rate_of = rate_of
        self._add_link = add_link
        self._clock = clock
        self._pace = BindPace(time.monotonic)
        self._limits = ConnectionLimits(MOST_CONNECTIONS, MOST_OF_ADDRESS)
        self._sessions: set[Session] = set()
        self._listening: list[tuple[socket.socket, Accepting, asyncio.Task[None]]] = []
        self._session_settings = SessionSettings(
            window=_DELIVERY_WINDOW,
            response_timeout_s=_ANSWER_S,
            bind_timeout_s=_BIND_S,
            enquire_link_s=0,
            queue_limit=rules.window,
            idle_limit_s=rules.idle_s,
            # What can't be read is the program's to repair: nobody would notice that it is cut.
            strict=True,
            interface_version=_VERSION,
            system_id=NAME,
        )

    async def start(self, port: int, ssl: SSLContext | None = None) -> int:
        """Listen on a port, 0 for a free one; return it. Raises OSError if it is taken."""
        family = socket.AF_INET6 if ":" in self._rules.host else socket.AF_INET
        listening = socket.create_server((self._rules.host, port), family=family, backlog=BACKLOG)
        listening.setblocking(False)
        accepting = Accepting(self._limits, self._session, ssl)
        running = asyncio.create_task(accepting.run(listening))
        self._listening.append((listening, accepting, running))
        server_metrics.SMPP_SERVER_LINKS.set(len(self._links))  # 0, so that there is a series
        taken: int = listening.getsockname()[1]
        return taken

    async def close(self) -> None:
        """Answer what arrived, unbind every program, and stop listening. Safe to repeat."""
        for listening, accepting, running in self._listening:
            running.cancel()
            accepting.close()
            await asyncio.gather(running, return_exceptions=True)
            listening.close()
        self._listening.clear()
        sessions = list(self._sessions)
        try:
            async with asyncio.timeout(_STOP_S):
                await asyncio.gather(*(session.unbind() for session in sessions))
        except TimeoutError:
            for session in sessions:
                session.abort("this process ends")

    def _session(self, slot: Slot) -> Session:
        return Session(
            SessionRole.SMSC,
            self._session_settings,
            self._on_request,
            on_bind=self._on_bind,
            on_change=partial(self._on_change, slot),
        )

    # Binds.

    async def _on_bind(self, bind: BindPdu, session: Session) -> int:
        status = await self._admit(bind, session)
        server_metrics.SMPP_SERVER_BINDS.add(1, {"status": name_of(status)})
        return status

    async def _admit(self, bind: BindPdu, session: Session) -> int:
        ends = session.addresses()
        address = ends[0][0] if ends else None
        client = client_of(address or "")
        if self._pace.is_exceeded(bind.system_id, client):
            # A program in a loop comes back at once, so it is not answered at once.
            await asyncio.sleep(_HOLD_BACK_S)
            return Status.ESME_RTHROTTLED
        try:
            caller = await self._access.by_password(bind.system_id, bind.password, address)
            self._pace.add(bind.system_id, client)
            if not caller.enabled:
                return Status.ESME_RBINDFAIL
            rate = await self._rate_of(caller.account) or self._rules.rate_per_s
            # Programs write what they like into system_type.
            options = BindOptions.known_in(bind.system_type)
            link_id = self._links.new_id()
            await self._add_link(
                NewLink(link_id, caller.account, bind.receives, bind.transmits, options.links)
            )
        except DeniedError as error:
            return _OF_DENIAL[error.denial]
        except RetryableError as error:
            log.warning("a bind waits: %s", error)
            return Status.ESME_RSYSERR
        if session.reason:
            return Status.ESME_RBINDFAIL
        signed_in = SignedIn(caller.account, caller.changed_at, address)
        self._links.admit(session, bind, signed_in, options, rate, link_id)
        server_metrics.SMPP_SERVER_LINKS.set(len(self._links))
        log.info("account %s has bound, %d links in all", caller.account, len(self._links))
        return Status.ESME_ROK

    def _on_change(self, slot: Slot, session: Session) -> None:
        if session.state is SessionState.OPEN:
            self._sessions.add(session)
            slot.close = partial(session.abort, "it had not bound, and others need its place")
        elif session.state is SessionState.BOUND:
            slot.work()
        elif session.state is SessionState.CLOSED:
            slot.release()
            self._sessions.discard(session)
            link = self._links.get(session)
            self._links.closed(session)
            server_metrics.SMPP_SERVER_LINKS.set(len(self._links))
            if link is not None:
                log.info("a link of account %s ended: %s", link.account, session.reason)

    # Requests.

    async def _on_request(self, request: RequestPdu[Any], session: Session) -> Answer:
        link = self._links.get(session)
        if link is None:
            return _refused(request, Status.ESME_RINVBNDSTS)
        if isinstance(request, DataSm):
            if status := check(request):
                return _refused(request, status)
            request = as_submit(request)
        if isinstance(request, SubmitSm):
            return self._on_submit(request, link)
        if not isinstance(request, QuerySm | CancelSm):
            return _refused(request, Status.ESME_RINVCMDID)
        if not link.pace.takes_lookup():
            return _refused(request, Status.ESME_RTHROTTLED)
        return asyncio.ensure_future(self._look_up(request, link))

    def _on_submit(self, request: SubmitSm, link: Link) -> Answer:
        if link.pace.bucket.delay():
            return self._counted(request, Taken(Status.ESME_RTHROTTLED))
        link.pace.bucket.take()
        link.submitted += 1
        return asyncio.ensure_future(self._take(request, link))

    async def _take(self, request: SubmitSm, link: Link) -> ResponsePdu:
        return self._counted(request, await self._submitting.take(request, link, self._clock()))

    async def _look_up(self, request: QuerySm | CancelSm, link: Link) -> ResponsePdu:
        try:
            if isinstance(request, QuerySm):
                return await self._lookups.query(request, link.account)
            return await self._lookups.cancel(request, link.account)
        except RetryableError as error:
            log.warning("account %s: a look-up over SMPP failed: %s", link.account, error)
            return request.answer(Status.ESME_RSYSERR)

    def _counted(self, request: SubmitSm, taken: Taken) -> ResponsePdu:
        server_metrics.SMPP_SERVER_SUBMITTED.add(1, {"status": name_of(taken.status)})
        answer: MessageResp = request.answer(taken.status)
        answer.message_id = taken.message_id
        return answer


def _refused(request: RequestPdu[Any], status: int) -> ResponsePdu:
    answer: ResponsePdu = request.answer(status)
    return answer
