"""Parts of MTs that the SMS centre accepted, and the status from their delivery receipts."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from inbound.handlers.receipts import PartReceipt, SentPart
from inbound.store.statements import Query, statements
from schemas.messages import Purpose, ReceiptState

_SQL: Final = statements(__package__, "receipts")
_FIND_SENT_PARTS: Final = _SQL["find_sent_parts"]
_UPDATE_SENT_PARTS: Final = _SQL["update_sent_parts"]
_INSERT_SENT_PARTS: Final = _SQL["insert_sent_parts"]
COPY_SENT_PARTS: Final = _SQL["copy_sent_parts"]
COPY_TYPES: Final = (
    *("uuid", "uuid", "int2", "int2", "uuid", "text", "text", "text", "text"),
    *("timestamptz", "text", "text", "uuid"),
)

_INSERTED: Final = (
    *("subject_ids", "message_ids", "part", "parts", "request_ids", "purposes", "templates"),
    *("centres", "smsc_message_ids", "submitted", "traceparents", "written_ids", "order_ids"),
)


async def find_sent_parts(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
) -> list[SentPart]:
    """Return all parts of these people's messages of which one part has one of these ids."""
    parameters = {"subject_ids": list(subject_ids), "smsc_message_ids": list(smsc_message_ids)}
    cursor = await conn.execute(_FIND_SENT_PARTS, parameters)
    return [_sent_part(row) async for row in cursor]


def copy_row(part: SentPart) -> tuple[object, ...]:
    """Return a new part as a row for `COPY_SENT_PARTS`."""
    return (
        part.subject_id,
        part.message_id,
        part.part,
        part.parts,
        part.request_id,
        part.purpose.value,
        part.template,
        part.centre,
        part.smsc_message_id,
        part.submitted_at,
        part.traceparent,
        part.written_id,
        part.order_id,
    )


def insertion(parts: Sequence[SentPart]) -> Query:
    """Return the query that adds new parts; for few of them it is cheaper than COPY."""
    columns = zip(*map(copy_row, parts), strict=True)
    return _INSERT_SENT_PARTS, dict(zip(_INSERTED, map(list, columns), strict=True))


def status_update(parts: Sequence[SentPart]) -> Query:
    """Return the query that stores the receipt status of these parts."""
    known = [(part, part.receipt) for part in parts if part.receipt is not None]
    return _UPDATE_SENT_PARTS, {
        "subject_ids": [part.subject_id for part, _ in known],
        "message_ids": [part.message_id for part, _ in known],
        "part": [part.part for part, _ in known],
        "states": [receipt.state.value for _, receipt in known],
        "final": [receipt.final for _, receipt in known],
        "errors": [receipt.error for _, receipt in known],
        "done": [receipt.done_at for _, receipt in known],
    }


def _sent_part(row: tuple[Any, ...]) -> SentPart:
    *sent, order_id, state, final, error, done_at = row
    sent[5] = Purpose(sent[5])
    receipt = None if state is None else PartReceipt(ReceiptState(state), final, error, done_at)
    return SentPart(*[*sent, receipt, order_id])
