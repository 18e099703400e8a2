"""What the service seals opens in the context that the rotation of the vault key knows."""

from typing import Any
from uuid import UUID

import pytest

from inbound.broadcasts.audience import Held
from inbound.broadcasts.sealing import AudienceSealer
from inbound.callbacks.signing import secret_context
from inbound.desk import long_work
from inbound.desk.identity.second_factor import stored_context
from inbound.directory.client_addresses import AddressSealer
from inbound.directory.port import Registration
from inbound.directory.sealing import ClientSealer
from inbound.ingress.smpp.sealing import Addresses, seal_pdu
from inbound.keys import IndexKey, VaultCipher
from inbound.orders.comments import seal_comment
from inbound.rotation.sealed_columns import SEALED_COLUMNS
from inbound.store.dead_letters.rows import DeadLetterSource
from inbound.store.mo.account_texts import TextContent
from inbound.store.mo.rows import PartsKey
from inbound.store.sealing import Sealer
from schemas.channels import Channel

KEY = IndexKey(bytes(range(32)))
CIPHER, SEALER = VaultCipher(KEY), Sealer(VaultCipher(KEY))
CLIENTS, AUDIENCES = ClientSealer(KEY), AudienceSealer(KEY)
ID, HASH = UUID(int=7), b"h" * 16
PARTS = PartsKey("main", HASH, "9086228779", 5, 2)
LETTER = DeadLetterSource("sms.mo.v1", 3, 99, 1, "outbox")
REGISTRATION = Registration("c-1", "1234", "ivanov", "1a2b")

SEALED: dict[tuple[str, str], tuple[tuple[Any, ...], bytes | None]] = {
    ("subjects", "number_sealed"): ((ID,), SEALER.number("+79161234567", ID)),
    ("clients", "number_sealed"): ((HASH,), CLIENTS.seal_number("+79161234567", HASH)),
    ("clients", "registration_sealed"): ((HASH,), CLIENTS.seal_registration(REGISTRATION, HASH)),
    ("vault", "sealed"): ((ID,), SEALER.secret(b"secret", ID)),
    ("order_contents", "sealed"): ((ID,), SEALER.order_text("text", ID)),
    ("order_contents", "address"): ((ID,), SEALER.order_address("anna@example.net", ID)),
    ("client_addresses", "sealed"): (
        ("mail", "c-1"),
        AddressSealer(KEY, KEY).seal(Channel.MAIL, "c-1", "anna@example.net"),
    ),
    ("mo_parts", "sealed"): (
        (HASH, PARTS.destination, PARTS.centre, PARTS.reference, PARTS.total, 1),
        SEALER.seal(b"payload", PARTS.sealing_context(1)),
    ),
    ("account_texts", "sealed"): (
        (1, ID),
        TextContent("+79161234567", "79086228779", "text").seal(SEALER, ID),
    ),
    ("dead_letters", "sealed"): ((1, *LETTER), SEALER.seal(b"record", LETTER.sealing_context)),
    ("broadcasts", "text_sealed"): ((ID,), AUDIENCES.seal_text("text", ID)),
    ("broadcast_recipients", "number_sealed"): (
        (ID, 1, HASH),
        AUDIENCES.seal_number("+79161234567", HASH),
    ),
    ("broadcast_recipients", "fields_sealed"): (
        (ID, 1, HASH),
        AUDIENCES.seal_fields({"name": "Anna"}, ID, HASH),
    ),
    ("broadcast_recipients", "row_sealed"): (
        (ID, 1, 12),
        AUDIENCES.seal_row(Held(("a",), ""), ID, 12),
    ),
    ("broadcast_exclusions", "number_sealed"): (
        (ID, 12, HASH),
        AUDIENCES.seal_number("+79161234567", HASH),
    ),
    ("broadcast_exclusions", "row_sealed"): (
        (ID, 12),
        AUDIENCES.seal_row(Held(("a",), ""), ID, 12),
    ),
    ("callback_urls", "secret"): (("crm",), SEALER.seal(b"whsec", secret_context("crm"))),
    ("callback_urls", "previous_secret"): (("crm",), SEALER.seal(b"whsec", secret_context("crm"))),
    ("desk_second_factors", "secret"): ((ID,), CIPHER.seal(b"totp", stored_context(ID))),
    ("desk_jobs", "form_sealed"): ((ID,), SEALER.seal(b"{}", long_work._context(ID))),
    ("smpp_messages", "addresses"): ((5,), Addresses().seal(SEALER, 5)),
    ("smpp_messages", "comment"): ((5,), seal_comment(SEALER, "comment", 5)),
    ("smpp_messages", "answer"): ((5, HASH), SEALER.network_answer(b"imsi:", HASH)),
    ("smsc_ids", "sealed"): ((ID,), SEALER.smsc_id("h-1:+79161234567", ID)),
    ("network_answers", "answer"): ((ID, HASH), SEALER.network_answer(b"imsi:", HASH)),
    ("smpp_parts", "addresses"): (("crm", b"k", 1, 5), Addresses().seal(SEALER, 5)),
    ("smpp_parts", "pdu"): (("crm", b"k", 1), seal_pdu(SEALER, b"frame", b"k")),
}


@pytest.mark.parametrize("column", SEALED_COLUMNS, ids=lambda one: f"{one.table}.{one.column}")
def test_context_opens_what_the_service_seals(column: Any) -> None:
    key, sealed = SEALED[column.table, column.column]
    assert sealed is not None
    assert CIPHER.open(sealed, column.context(*key))
