"""Placeholders: plain names in braces, and nothing of Python's format language."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.templates.placeholders import PlaceholderError, parse_text

values = st.text(max_size=20)


def test_fields_are_filled_in_and_doubled_braces_are_braces() -> None:
    text = parse_text("{{{имя}}}, заявка {ticket}: {имя}")
    assert text.fields == ("имя", "ticket")
    assert text.render({"имя": "Анна", "ticket": "7"}) == "{Анна}, заявка 7: Анна"


@given(st.text(max_size=60))
def test_an_escaped_text_is_that_text(text: str) -> None:
    assert parse_text(text.replace("{", "{{").replace("}", "}}")).render({}) == text


@given(values, values)
def test_a_value_is_never_read_as_a_placeholder(first: str, second: str) -> None:
    rendered = parse_text("{a}|{b}").render({"a": first, "b": second})
    assert rendered == f"{first}|{second}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Заявка {ticket", "a single '{' at character 8"),
        ("Заявка }", "a single '}' at character 8"),
        ("{}", "a plain name in braces"),
        ("{ name }", "a plain name in braces"),
        ("{name!r}", "a plain name in braces"),
        ("{name:>9}", "a plain name in braces"),
        ("{" + 65 * "a" + "}", "up to 64"),
        ("{a\nb}", "printable"),
    ],
)
def test_a_text_that_can_not_be_read_says_what_to_change(text: str, complaint: str) -> None:
    with pytest.raises(PlaceholderError, match=re.escape(complaint)):
        parse_text(text)


def test_nothing_of_an_object_is_reached() -> None:
    text = parse_text("{a.__class__}{b[0]}")
    assert text.fields == ("a.__class__", "b[0]")
    with pytest.raises(PlaceholderError, match=r"no value for the field \{a.__class__\}"):
        text.render({"a": "1", "b": "2"})


def test_unknown_and_missing_fields_are_named() -> None:
    text = parse_text("{name}, {ticket}")
    with pytest.raises(PlaceholderError, match=r"no field \{ticket\} here; its fields are: name"):
        text.require_fields({"name"})
    with pytest.raises(PlaceholderError, match=r"no value for the field \{ticket\}"):
        text.render({"name": "Анна"})
