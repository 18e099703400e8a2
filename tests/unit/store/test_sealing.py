"""What is sealed for one row and column opens in no other."""

from collections.abc import Callable
from uuid import UUID

import pytest

from inbound.keys import UnsealError, VaultCipher
from inbound.store.rows import DeadLetterSource, PartsKey
from inbound.store.sealing import Sealer

SEALER = Sealer(VaultCipher(bytes(32)))
ONE, TWO = UUID(int=1), UUID(int=2)
PLACE = DeadLetterSource("sms.mo.v1", 0, 1)
KEY = PartsKey("main", b"h" * 16, "+79086228779", 1, 3)

SEALED = {
    "number": SEALER.number("+79161234567", ONE),
    "secret": SEALER.secret(b"+79161234567", ONE),
    "part": SEALER.part(b"+79161234567", KEY, 1),
    "dead letter": SEALER.dead_letter(b"+79161234567", PLACE),
}
PLACES: dict[str, Callable[[bytes], object]] = {
    "number": lambda sealed: SEALER.open_number(sealed, ONE),
    "another number": lambda sealed: SEALER.open_number(sealed, TWO),
    "secret": lambda sealed: SEALER.open_secret(sealed, ONE),
    "another secret": lambda sealed: SEALER.open_secret(sealed, TWO),
    "part": lambda sealed: SEALER.open_part(sealed, KEY, 1),
    "another part": lambda sealed: SEALER.open_part(sealed, KEY, 2),
    "another message": lambda sealed: SEALER.open_part(sealed, KEY._replace(reference=2), 1),
    "dead letter": lambda sealed: SEALER.open_dead_letter(sealed, PLACE),
    "another offset": lambda sealed: SEALER.open_dead_letter(
        sealed, PLACE._replace(kafka_offset=2)
    ),
    "another message of it": lambda sealed: SEALER.open_dead_letter(sealed, PLACE._replace(part=1)),
    "another feed": lambda sealed: SEALER.open_dead_letter(sealed, PLACE._replace(feed="outbox")),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", SEALED)
def test_sealed_value_opens_in_its_own_place_only(kind: str, place: str) -> None:
    if kind == place:
        assert PLACES[place](SEALED[kind]) in {"+79161234567", b"+79161234567"}
    else:
        with pytest.raises(UnsealError):
            PLACES[place](SEALED[kind])
