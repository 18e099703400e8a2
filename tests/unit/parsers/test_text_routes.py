"""Which account a text belongs to."""

import pytest

from inbound.parsers.text_routes import RouteKey, TextRoutes, first_word

NUMBER = "9086228779"


def routes(**accounts: tuple[str, str]) -> TextRoutes:
    return TextRoutes({RouteKey(*key): account for account, key in accounts.items()})


@pytest.mark.parametrize(
    ("destination", "body", "account"),
    [
        ("+79086228779", "Shop order 7", "both"),
        ("89086228779", "shopping", "number"),
        ("1234", "SHOP", "word"),
        ("1234", "hello", "all"),
        ("1234", " \r\n", "all"),
    ],
)
def test_the_route_that_says_most_has_the_text(destination: str, body: str, account: str) -> None:
    found = routes(both=(NUMBER, "shop"), number=(NUMBER, ""), word=("", "shop"), all=("", ""))
    assert found.account_of(destination, body) == account


def test_what_is_assigned_to_nobody_belongs_to_nobody() -> None:
    assert TextRoutes().account_of("1234", "shop") is None
    assert routes(shop=(NUMBER, "shop")).account_of("1234", "shop") is None
    assert routes(shop=(NUMBER, "shop")).account_of(NUMBER, "a shop") is None


@pytest.mark.parametrize(
    ("body", "word"),
    [("SHOP", "shop"), ("\0Магазин\nдва", "магазин"), ("  STRASSE x", "strasse"), ("", "")],
)
def test_the_first_word_is_told_in_any_case(body: str, word: str) -> None:
    assert first_word(body) == word
