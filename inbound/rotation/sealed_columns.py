"""Every sealed column of the database: its row's key, and the context in which it is sealed.

A test compares this with the columns of the schema, so that a new one can't be forgotten.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from inbound.callbacks.signing import secret_context
from inbound.desk.identity.second_factor import stored_context
from inbound.directory.client_addresses import address_context
from inbound.store.dead_letters.rows import DeadLetterSource
from inbound.store.mo.rows import PartsKey

ContextOf = Callable[..., bytes]
"""Takes the values of the key columns in their order."""


class SealedColumn(NamedTuple):
    """A column of sealed bytes. `key` identifies the row and has all that the context needs."""

    table: str
    column: str
    key: tuple[str, ...]
    context: ContextOf


def _dead_letter(_: int, *source: Any) -> bytes:  # noqa: ANN401 — columns of several types
    return DeadLetterSource(*source).sealing_context


def _part(
    number_hash: bytes, destination: str, centre: str, reference: int, total: int, sequence: int
) -> bytes:
    return PartsKey(centre, number_hash, destination, reference, total).sealing_context(sequence)


_PART: Final = ("number_hash", "destination", "centre", "reference", "total", "sequence")
_LETTER: Final = ("id", "topic", "partition", "kafka_offset", "part", "feed")
_RECIPIENT: Final = ("broadcast_id", "no", "number_hash")
_EXCLUDED: Final = ("broadcast_id", "row_no")
_SMPP_PART: Final = ("account", "parts_key", "sequence")

REGISTRATIONS: Final = SealedColumn(
    "clients", "registration_sealed", ("number_hash",), lambda h: b"registration:" + h
)

SEALED_COLUMNS: Final = (
    SealedColumn("subjects", "number_sealed", ("subject_id",), lambda i: b"number:" + i.bytes),
    SealedColumn("clients", "number_sealed", ("number_hash",), lambda h: b"client:" + h),
    REGISTRATIONS,
    SealedColumn("vault", "sealed", ("message_id",), lambda i: b"secret:" + i.bytes),
    SealedColumn("order_contents", "sealed", ("order_id",), lambda i: b"order:" + i.bytes),
    SealedColumn("order_contents", "address", ("order_id",), lambda i: b"address:" + i.bytes),
    SealedColumn("client_addresses", "sealed", ("channel", "client_id"), address_context),
    SealedColumn("mo_parts", "sealed", _PART, _part),
    SealedColumn(
        "account_texts", "sealed", ("id", "text_id"), lambda _, i: b"account text:" + i.bytes
    ),
    SealedColumn("dead_letters", "sealed", _LETTER, _dead_letter),
    SealedColumn("broadcasts", "text_sealed", ("broadcast_id",), lambda i: b"broadcast:" + i.bytes),
    SealedColumn(
        "broadcast_recipients", "number_sealed", _RECIPIENT, lambda _i, _n, h: b"client:" + h
    ),
    SealedColumn(
        *("broadcast_recipients", "fields_sealed", _RECIPIENT),
        lambda i, _n, h: b"fields:" + i.bytes + h,
    ),
    SealedColumn(
        *("broadcast_recipients", "row_sealed", ("broadcast_id", "no", "row_no")),
        lambda i, _n, row: b"excluded:" + i.bytes + row.to_bytes(8),
    ),
    SealedColumn(
        *("broadcast_exclusions", "number_sealed", (*_EXCLUDED, "number_hash")),
        lambda _i, _n, h: b"client:" + h,
    ),
    SealedColumn(
        *("broadcast_exclusions", "row_sealed", _EXCLUDED),
        lambda i, row: b"excluded:" + i.bytes + row.to_bytes(8),
    ),
    SealedColumn("callback_urls", "secret", ("account",), secret_context),
    SealedColumn("callback_urls", "previous_secret", ("account",), secret_context),
    SealedColumn("desk_second_factors", "secret", ("user_id",), stored_context),
    SealedColumn("desk_jobs", "form_sealed", ("job_id",), lambda i: b"desk job:" + i.bytes),
    SealedColumn("smpp_messages", "addresses", ("message_id",), lambda i: b"smpp to:%d" % i),
    SealedColumn("smpp_messages", "comment", ("message_id",), lambda i: b"smpp comment:%d" % i),
    SealedColumn(
        *("smpp_messages", "answer", ("message_id", "number_hash")), lambda _, h: b"answer:" + h
    ),
    SealedColumn("smsc_ids", "sealed", ("order_id",), lambda i: b"smsc id:" + i.bytes),
    SealedColumn(
        "network_answers", "answer", ("order_id", "number_hash"), lambda _, h: b"answer:" + h
    ),
    SealedColumn(
        *("smpp_parts", "addresses", (*_SMPP_PART, "message_id")),
        lambda _a, _k, _s, i: b"smpp to:%d" % i,
    ),
    SealedColumn("smpp_parts", "pdu", _SMPP_PART, lambda _a, k, _s: b"smpp part:" + k),
)
