"""The wrong numbers of earlier releases, which an erasure removes too."""

import pytest

from inbound.erasure.former_numbers import former_numbers


@pytest.mark.parametrize(
    ("number", "countries", "forms"),
    [
        (
            "+79161234567",
            ["RU"],
            ("+0079161234567", "+81079161234567", "+89161234567", "+9161234567"),
        ),
        ("+375291234567", ["RU"], ("+00375291234567", "+810375291234567")),
        (
            "+375291234567",
            ["RU", "BY"],
            ("+00375291234567", "+810375291234567", "+8291234567", "+291234567"),
        ),
        # +960 7123456 is a phone in the Maldives.
        ("+79607123456", ["RU"], ("+0079607123456", "+81079607123456", "+89607123456")),
        ("+79161234567", [], ("+0079161234567",)),
        ("+79161234567", ["DE"], ("+0079161234567",)),
    ],
)
def test_the_forms_of_a_number(number: str, countries: list[str], forms: tuple[str, ...]) -> None:
    assert former_numbers(number, countries) == forms
