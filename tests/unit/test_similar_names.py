"""A mistyped name is likened to few names and their beginnings, however many and long they are."""

import pytest

from inbound.similar_names import CHARS_COMPARED, MOST_COMPARED, most_similar


@pytest.mark.parametrize(
    ("wanted", "found"), [("nmae", "name"), ("balnce", "balance"), ("zzz", None)]
)
def test_the_most_similar_name_is_found(wanted: str, found: str | None) -> None:
    assert most_similar(wanted, ["msisdn", "name", "balance"]) == found


def test_names_beyond_the_most_are_not_compared() -> None:
    others = [f"{i:02}" for i in range(MOST_COMPARED)]
    assert most_similar("name", ["name", *others]) == "name"
    assert most_similar("name", [*others, "name"]) is None


def test_the_ends_of_long_names_are_not_compared() -> None:
    assert most_similar("x" * CHARS_COMPARED + "name", ["y" * CHARS_COMPARED + "name" * 99]) is None
    long = "x" * 10_000_000
    assert most_similar(long, ["msisdn", long + "y"]) == long + "y"
