"""Fields that the rows of an audience lack are named, at a cost that the rows don't choose."""

import itertools

import pytest

from inbound.api.audience_rows import MissingNamesError, require_names
from inbound.broadcasts.content import own_text
from schemas.orders import MOST_FIELDS

TEXT = own_text("{name}, hello", max_parts=8, alphabet="gsm0338")


def missing(names: list[str], per_row: int = 1) -> MissingNamesError:
    rows = [dict.fromkeys(names[i : i + per_row], "x") for i in range(0, len(names), per_row)]
    with pytest.raises(MissingNamesError) as caught:
        require_names([{"msisdn": "+79161110001"}, *rows], TEXT)
    return caught.value


def test_a_mistyped_field_is_advised() -> None:
    error = missing(["Nmae"])
    assert str(error) == "no row has `name`; the rows have `msisdn`, `Nmae`"
    assert error.advice() == "; the text has {name}: is `Nmae` meant?"


def test_no_advice_is_sought_among_more_names_than_one_row_may_have() -> None:
    alike = ["".join(one) for one in itertools.permutations("name" * 2)]
    assert missing(alike[:MOST_FIELDS]).advice()
    error = missing(alike, per_row=20)
    assert error.advice() == ""
    assert str(error).endswith(f" and {len(set(alike)) + 1 - 12} more")
