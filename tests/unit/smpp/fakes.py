"""A session without sockets: a loop whose time is moved, a transport, a handler on orders."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from inbound.smpp.pdu import GenericNack, RequestPdu, ResponsePdu, SubmitSmResp
from inbound.smpp.session import Answer, Session

T = TypeVar("T")


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.complaints: list[str] = []
        self.set_exception_handler(lambda _, context: self.complaints.append(str(context)))

    def time(self) -> float:
        return self.now

    def act(self, action: Callable[[], T], turns: int = 12) -> T:
        """Do something inside the loop and let it come to rest."""

        async def acting() -> T:
            result = action()
            for _ in range(turns):
                await asyncio.sleep(0)
            return result

        return self.run_until_complete(acting())


class Wire(asyncio.Transport):
    """The connection's other end in the hands of the fuzzer."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.loop = loop
        self.session: Session | None = None
        self.written = bytearray()
        self.unread = 0
        self.reading = True
        self.closing = False
        self.lost = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("fuzz", 0) if name == "peername" else default

    def write(self, data: Any) -> None:
        assert not self.closing, "written to a closing transport"
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.loop.call_soon(self.lose)

    def abort(self) -> None:
        self.close()

    def lose(self, error: Exception | None = None) -> None:
        self.closing = True
        if not self.lost and self.session is not None:
            self.lost = True
            self.session.connection_lost(error)

    def pause_reading(self) -> None:
        assert self.reading, "paused twice"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "resumed twice"
        self.reading = True


class Handler:
    """Serves requests as it was last told to."""

    def __init__(self) -> None:
        self.mode = "answers"
        self.open: list[tuple[asyncio.Future[Any], ResponsePdu]] = []

    async def __call__(self, request: RequestPdu[Any], session: Session) -> Answer:
        answer: ResponsePdu = request.answer()
        match self.mode:
            case "raises":
                raise RuntimeError("a handler's bug")
            case "answers something else":
                return GenericNack()
            case "answers too much":
                return SubmitSmResp(message_id="7" * 100)
            case "promises" | "waits":
                promise: asyncio.Future[Any] = session.loop.create_future()
                self.open.append((promise, answer))
                return await promise if self.mode == "waits" else promise
        return answer

    def settle(self, how: str, which: int) -> None:
        promise, answer = self.open.pop(which % len(self.open))
        if promise.done():
            return
        if how == "answer":
            promise.set_result(answer)
        elif how == "fail":
            promise.set_exception(OSError("no broker"))
        else:
            promise.cancel()
