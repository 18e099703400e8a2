"""What an erasure removes has words for people."""

from dataclasses import fields

from inbound.cli.erase import _REMOVED
from inbound.store.people.rows import ErasedRows


def test_every_kind_of_row_has_its_words() -> None:
    assert {one.name for one in fields(ErasedRows)} == set(_REMOVED)
