"""The ledger: each PDU, fault and connection of the simulator, in order, with its time.

Invariants: memory is bounded (the newest `limit` entries are kept; counters count all).
Texts are recorded only on request, passwords never.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TextIO

from inbound.smpp.pdu import DataSm, MessageResp, ResponsePdu
from inbound.smpp.status import name_of
from inbound.smpp.user_data import MessagePdu

_NO_TEXT: Final = b""


class LedgerEntry(NamedTuple):
    """One entry. `at` is in seconds of the monotonic clock.

    `what` is a PDU's name in the specification ("submit_sm", "submit_sm_resp"; "receipt" and
    "receipt_resp" for a delivery receipt), or "connect", "end" (`detail`: why), "fault"
    (`detail`: which), "unanswered" (a deliver_sm without an answer). `link` is the number of
    the connection, from 1; `size` is the text's size in octets.
    """

    at: float
    what: str
    link: int
    system_id: str = ""
    sequence: int = 0
    status: int = 0
    message_id: str = ""
    source: str = ""
    destination: str = ""
    size: int = 0
    detail: str = ""
    text: bytes = _NO_TEXT


class PduLedger:
    """Keeps the newest entries and counts all; writes each to `file` as a JSON line."""

    def __init__(
        self,
        limit: int,
        clock: Callable[[], float],
        *,
        texts: bool = False,
        file: TextIO | None = None,
    ) -> None:
        """Keep `limit` entries; with 0 and no file only count.

        Writing to `file` blocks. The caller opens and closes it.
        """
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[tuple[str, int]] = Counter()
        self._clock = clock
        self._texts = texts
        self._file = file
        # Rows become entries only when they are read, which is cheaper.
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=limit)
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        # Entries cost a tenth of the simulator's throughput; counters cost nothing measurable.
        self.idle = not limit and file is None

    def message(
        self, what: str, link: int, system_id: str, pdu: MessagePdu, detail: str = ""
    ) -> None:
        """Record a PDU that carries a message."""
        self.counts[what] += 1
        if self.idle:
            return
        text = _NO_TEXT if isinstance(pdu, DataSm) else pdu.short_message
        row = (
            self._clock(),
            what,
            link,
            system_id,
            pdu.sequence,
            pdu.status,
            "",
            pdu.source_addr,
            pdu.destination_addr,
            len(text),
            detail,
            text if self._texts else _NO_TEXT,
        )
        self._keep(row)

    def answer(
        self, what: str, link: int, system_id: str, pdu: ResponsePdu, detail: str = ""
    ) -> None:
        """Record an answer."""
        self.counts[what] += 1
        if pdu.status:
            self.statuses[what, pdu.status] += 1
        if self.idle:
            return
        message_id = pdu.message_id if isinstance(pdu, MessageResp) else ""
        row = (
            self._clock(),
            what,
            link,
            system_id,
            pdu.sequence,
            pdu.status,
            message_id,
            "",
            "",
            0,
            detail,
        )
        self._keep(row)

    def event(self, what: str, link: int, system_id: str = "", detail: str = "") -> None:
        """Record any other event: a bind, a fault, the end of a connection."""
        self.counts[what] += 1
        if self.idle:
            return
        row = (self._clock(), what, link, system_id, 0, 0, "", "", "", 0, detail)
        self._keep(row)

    def entries(self, *what: str, link: int = 0, number: str = "") -> list[LedgerEntry]:
        """Return the kept entries, oldest first, filtered by kind, connection and number."""
        kept = (LedgerEntry(*row) for row in self._rows if not what or row[1] in what)
        return [
            entry
            for entry in kept
            if (not link or entry.link == link)
            and (not number or number.removeprefix("+") in {entry.source, entry.destination})
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds. It is checked at every new entry."""
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        self.idle = False
        await future

    async def count(self, what: str, times: int = 1) -> None:
        """Wait until there have been `times` entries of a kind since the start."""
        await self.until(lambda: self.counts[what] >= times)

    def _keep(self, row: tuple[Any, ...]) -> None:
        """Keep a row, write it to the file, and wake waiting tests."""
        self._rows.append(row)
        if self._file is not None:
            self._file.write(as_json(LedgerEntry(*row)) + "\n")
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, future in waiting:
            if future.done():
                continue
            if condition():
                future.set_result(None)
            else:
                self._waiting.append((condition, future))


def as_json(entry: LedgerEntry) -> str:
    """Return an entry as one line of JSON, with the status by name and the text in hex."""
    values: dict[str, Any] = {
        name: value
        for name, value in zip(entry._fields, entry, strict=True)
        if value not in {"", 0, _NO_TEXT}
    }
    if entry.status:
        values["status"] = name_of(entry.status)
    if entry.text:
        values["text"] = entry.text.hex()
    values["at"] = round(entry.at, 6)
    return json.dumps(values, ensure_ascii=False)
