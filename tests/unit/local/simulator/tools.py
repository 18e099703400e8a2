"""What the simulator's tests share: a centre, an account's raw link, a clock that is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from inbound.local.simulator.ledger import LedgerEntry
from inbound.local.simulator.script import parse_script
from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
from inbound.smpp.pdu import BindPdu, BindResp, BindTransceiver, DeliverSm, SubmitSm
from inbound.smpp.segmentation import split
from inbound.smpp.session import Session
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import Peer, connect

FEDERAL = "+79086228779"
NUMBER = "+79161234567"
ACCOUNT = SimulatorAccount("scserv", "sesame12", FEDERAL)
BIND = BindTransceiver(system_id="scserv", password="sesame12", sequence=1)

# 1 January 2000, in seconds since 1970: query_sm can say nothing earlier.
START = 946684800.0


class Clock:
    """Stands in for asyncio.sleep: time passes when the test says so."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self._asked.put_nowait((seconds, future))
        await future

    async def passes(self) -> float:
        """Wait until somebody sleeps, wake it, and return for how long it would have slept."""
        async with asyncio.timeout(PATIENCE_S):
            seconds, future = await self._asked.get()
        if not future.done():
            future.set_result(None)
        return seconds


@asynccontextmanager
async def simulator(
    script: str = "", clock: Clock | None = None, ids: str = "a b c d e f", **settings: Any
) -> AsyncIterator[Simulator]:
    """Run a centre with a script; its message ids are a, b, c, ..."""
    values: dict[str, Any] = {
        "port": 0,
        "accounts": (ACCOUNT,),
        "retry_s": 0.01,
        "ledger_limit": 1000,
        "script": parse_script(script),
    }
    sleep = clock.sleep if clock else asyncio.sleep
    async with Simulator(
        SimulatorSettings(**(values | settings)),
        ids=iter(ids.split()),
        sleep=sleep,
        wall_clock=lambda: START,
    ) as centre:
        yield centre


@asynccontextmanager
async def account(centre: Simulator, bind: BindPdu = BIND) -> AsyncIterator[Peer]:
    """Bind as an account with nothing but a socket."""
    peer = await connect(centre.port)
    try:
        answer = await peer.ask(bind)
        assert isinstance(answer, BindResp), answer
        assert answer.status == 0, answer
        yield peer
    finally:
        peer.close()


def submit(to: str = NUMBER, sequence: int = 7, text: bytes = b"ok", **fields: Any) -> SubmitSm:
    return SubmitSm(
        source_addr_ton=5,
        source_addr="SCSERV",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=to.removeprefix("+"),
        sequence=sequence,
        short_message=text,
        **fields,
    )


def parts(text: str, **fields: Any) -> list[SubmitSm]:
    return [
        submit(
            sequence=number,
            text=segment.short_message,
            esm_class=segment.esm_class,
            data_coding=segment.data_coding,
            **fields,
        )
        for number, segment in enumerate(split(text, 7), 1)
    ]


async def accept(peer: Peer) -> DeliverSm:
    """Read a deliver_sm and accept it."""
    pdu = await peer.read(DeliverSm)
    peer.send(pdu.answer())
    return pdu


def kinds(entries: list[LedgerEntry]) -> list[str]:
    return [entry.what for entry in entries]


async def no_requests(request: Any, _session: Session) -> Any:
    return request.answer()


def rule(command: str, match: str = "", fault: str = "no_answer = true") -> str:
    """Return one rule of a script."""
    return (
        f'[[rule]]\nmatch = {{ command = "{command}", {match} }}\nfault = {{ {fault} }}\n'.replace(
            ",  }", " }"
        )
    )
