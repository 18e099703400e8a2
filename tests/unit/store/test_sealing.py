"""What is sealed for one row and column opens in no other."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from inbound.keys import UnsealError, VaultCipher
from inbound.store.dead_letters.rows import DeadLetterSource
from inbound.store.mo.rows import PartsKey
from inbound.store.sealing import Sealer

SEALER = Sealer(VaultCipher(bytes(32)))
ONE, TWO = UUID(int=1), UUID(int=2)
SOURCE = DeadLetterSource("sms.mo.v1", 0, 1)
KEY = PartsKey("main", b"h" * 16, "+79086228779", 1, 3)

SEALED = {
    "number": SEALER.number("+79161234567", ONE),
    "secret": SEALER.secret(b"+79161234567", ONE),
    "part": SEALER.seal(b"+79161234567", KEY.sealing_context(1)),
    "dead letter": SEALER.seal(b"+79161234567", SOURCE.sealing_context),
}
CONTEXTS: dict[str, bytes] = {
    "part": KEY.sealing_context(1),
    "another part": KEY.sealing_context(2),
    "another message": KEY._replace(reference=2).sealing_context(1),
    "dead letter": SOURCE.sealing_context,
    "another offset": SOURCE._replace(kafka_offset=2).sealing_context,
    "another message of it": SOURCE._replace(part=1).sealing_context,
    "another feed": SOURCE._replace(feed="outbox").sealing_context,
}
ROWS: dict[str, Callable[[bytes], object]] = {
    "number": lambda sealed: SEALER.open_number(sealed, ONE),
    "another number": lambda sealed: SEALER.open_number(sealed, TWO),
    "secret": lambda sealed: SEALER.open_secret(sealed, ONE),
    "another secret": lambda sealed: SEALER.open_secret(sealed, TWO),
    **{row: partial(SEALER.open, context=context) for row, context in CONTEXTS.items()},
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("kind", SEALED)
def test_sealed_value_opens_in_its_own_row_only(kind: str, row: str) -> None:
    if kind == row:
        assert ROWS[row](SEALED[kind]) in {"+79161234567", b"+79161234567"}
    else:
        with pytest.raises(UnsealError):
            ROWS[row](SEALED[kind])
