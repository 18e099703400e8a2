"""What entry points may put into an order."""

import pytest
from pydantic import ValidationError

from schemas.orders import Order

PHONE = "+79161234501"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x07", "\x7f", "\x9b", "\r", "\ud800"])
def test_control_characters_are_refused_in_texts_and_fields(character: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Order(phone=PHONE, text=f"секрет{character}c")
    assert "секрет" not in str(refused.value)
    with pytest.raises(ValidationError):
        Order(phone=PHONE, template="visit", fields={"name": f"ab{character}"})


def test_the_refusal_names_the_character() -> None:
    with pytest.raises(ValidationError, match=r"character 3 is the control character U\+001B"):
        Order(phone=PHONE, text="ab\x1bc")


def test_tabs_and_line_breaks_stay() -> None:
    assert Order(phone=PHONE, text="a\tb\r\nc\nd").text == "a\tb\nc\nd"
