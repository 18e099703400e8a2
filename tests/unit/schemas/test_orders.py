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


@pytest.mark.parametrize(
    "text",
    [" ", "\n\t", "\u00a0", "\u200b\u2060", "\ufeff", "\u2800\u3164", "\u202e", "\u00ad\ufe0f"],
)
def test_a_text_that_a_phone_shows_as_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="no visible character"):
        Order(phone=PHONE, text=text)
    assert Order(phone=PHONE, text=f"{text}.").text == f"{text}."


def test_a_moment_in_another_zone_is_the_same_order() -> None:
    moscow, utc = "2026-12-05T10:00:00+03:00", "2026-12-05T07:00:00Z"
    there, here = (Order(phone=PHONE, text="x", not_before=at) for at in (moscow, utc))  # type: ignore[arg-type]
    assert there.model_dump_json() == here.model_dump_json()
    with pytest.raises(ValidationError, match="no clock will show"):
        Order(phone=PHONE, text="x", expires_at="9999-12-31T23:59:59-12:00")  # type: ignore[arg-type]
