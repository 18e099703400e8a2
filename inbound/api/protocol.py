"""uvicorn's HTTP/1.1 with strict framing, time limits in both directions, and problems as answers.

uvicorn limits the pause between two requests. It limits neither the time in which the headers have
to arrive nor that in which a client has to read its answer; and its own answers are plain text and
logged one by one.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote
from uuid import uuid4

import h11
import uvicorn
from starlette.responses import Response
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from inbound.api.connections import Slot, count_closed
from inbound.api.framing import HEAD_TOO_LARGE, StrictConnection, fault_of_url
from inbound.api.observability import SECURITY_HEADERS
from inbound.api.plain_requests import PlainCycle, PlainRequest, read_plain
from inbound.api.problem_answers import render
from inbound.api.problems import ProblemKind, Refusal

HEADERS_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 30.0

Refuse = Callable[[Refusal, bytes], Response]
"""Makes the answer to invalid HTTP; the second argument is the first line, as far as it arrived."""

# uvicorn would log a line for each invalid request, which anybody can send.
_ERRORS_ONLY: Final = logging.getLogger(f"{__name__}.uvicorn")
_ERRORS_ONLY.setLevel(logging.ERROR)


def refuse_with_problem(refusal: Refusal, request_line: bytes) -> Response:
    """Answer with a problem."""
    del request_line
    response = render(refusal, request_id := str(uuid4()))
    response.headers["X-Request-Id"] = request_id
    return response


class HttpProtocol(H11Protocol):
    """One connection. Counts why it closes one."""

    def __init__(
        self,
        config: uvicorn.Config,
        state: ServerState,
        app_state: dict[str, Any],
        slot: Slot,
        refuse: Refuse = refuse_with_problem,
    ) -> None:
        super().__init__(config, state, app_state)
        self._make_refusal = refuse
        self.conn: StrictConnection = StrictConnection()
        self.logger = _ERRORS_ONLY
        self._slot = slot
        self._headers_due: asyncio.TimerHandle | None = None
        self._answer_due: asyncio.TimerHandle | None = None
        self._later = b""
        self._has_ended = False

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._slot.close = transport.abort
        # Data that the client does not read makes asyncio call `pause_writing`. With 0 TLS would
        # always be paused.
        transport.set_write_buffer_limits(high=1, low=0)
        self._await_headers()

    @override
    def data_received(self, data: bytes) -> None:
        if self.conn.is_idle and self._is_answering():
            self._later += data  # of the next request; h11 knows nothing of this one
            self.flow.pause_reading()
        elif self.conn.is_idle and (request := read_plain(data)) is not None:
            self._unset_keepalive_if_required()
            self._answer_plain(request, data)
        else:
            super().data_received(data)
        self._begin_to_answer_or_wait()

    @override
    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what came before, because a client may end its direction alone.

        Then the connection ends. TLS can't be half closed: asyncio ends it at once.
        """
        if self.scheme == "https":
            return False
        if self.conn.is_incomplete:
            self.conn.receive_data(b"")
            self.handle_events()  # refuses a request that was cut off
        self._has_ended = True
        return self._is_answering()

    @override
    def on_response_complete(self) -> None:
        self._stop_waiting()
        self._slot.wait()
        super().on_response_complete()
        if self._later and not self.transport.is_closing():
            later, self._later = self._later, b""
            self.data_received(later)
        elif not self.conn.is_idle:  # the next request came with this one, or a part of it
            self._begin_to_answer_or_wait()
        if self._has_ended and not self._is_answering():
            self.transport.close()

    def _begin_to_answer_or_wait(self) -> None:
        if self._is_answering():
            self._stop_waiting()
            self._slot.work()
        elif self._headers_due is None:
            self._await_headers()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self.resume_writing()
        self._slot.release()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self._answer_due is None:
            self._answer_due = self.loop.call_later(ANSWER_TIMEOUT_S, self._give_up, "answer")

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._answer_due is not None:
            self._answer_due.cancel()
            self._answer_due = None

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse invalid HTTP, unless an answer has begun, and disconnect."""
        del msg
        count_closed("framing")
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE} and not self._has_answered():
            self._refuse()
        if self.cycle is not None:  # the application may still be working on it
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()

    def _has_answered(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _refuse(self) -> None:
        too_large = self.conn.error_status == HEAD_TOO_LARGE
        kind = ProblemKind.HEADERS_TOO_LARGE if too_large else ProblemKind.NO_HTTP
        fault = "" if too_large else fault_of_url(self.conn.request_line)
        refusal = Refusal(kind, f"{fault}. Nothing was done" if fault else None)
        if self.conn.repeated:
            detail = (
                f"the header {self.conn.repeated} is given twice; send it once. Nothing was done"
            )
            refusal = Refusal(ProblemKind.REPEATED_HEADER, detail)
        response = self._make_refusal(refusal, self.conn.request_line)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        own = [*self.server_state.default_headers, (b"connection", b"close")]
        headers = [*response.raw_headers, *own]
        phrase = HTTPStatus(response.status_code).phrase.encode()
        for event in (
            h11.Response(status_code=response.status_code, headers=headers, reason=phrase),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _answer_plain(self, request: PlainRequest, raw: bytes) -> None:
        """Begin the answer to a whole request, as `handle_events` does for those of h11."""
        raw_path, _, query_string = request.target.partition(b"?")
        self.headers = request.headers
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": request.method.decode("ascii"),
            "root_path": "",
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query_string,
            "headers": request.headers,
            "state": self.app_state.copy(),
        }
        self.cycle = PlainCycle(
            request,
            raw,
            scope=self.scope,
            conn=self.conn,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            on_response=self.on_response_complete,
        )
        task = self.loop.create_task(self.cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _await_headers(self) -> None:
        self._headers_due = self.loop.call_later(HEADERS_TIMEOUT_S, self._give_up, "headers")

    def _give_up(self, reason: str) -> None:
        count_closed(reason)
        self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
