"""What a text costs, and which character is to blame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.desk.messages.text_sizes import BEGINS, FOREIGN, Blame, TextSize, shown, size_of

GSM = "gsm0338"


def size(text: str) -> TextSize:
    found = size_of(text, GSM)
    assert found is not None
    return found


def test_a_short_text_has_one_part_and_room() -> None:
    found = size("Your request is done.")
    assert (found.encoding, found.units, found.room, found.parts) == ("GSM 03.38", 21, 160, 1)
    assert (found.left, found.blame, found.beginnings) == (139, None, ())


def test_the_character_that_begins_a_part_is_marked() -> None:
    found = size("Ж" * 67 + "Ъ" + "Ж" * 10)
    assert found.parts == 2
    assert [(one.part, one.shown, one.place) for one in found.beginnings] == [(2, "Ъ", 68)]
    marked = [one.text for piece in found.pieces for one in piece if one.mark == BEGINS]
    assert marked == ["Ъ"]


def test_the_first_character_outside_the_alphabet_is_blamed_if_it_costs_a_part() -> None:
    found = size("a" * 50 + "—" + "b" * 50 + "—")
    assert found.blame == Blame("—", 51, 2, 1, "-")
    marked = [one.text for piece in found.pieces for one in piece if one.mark == FOREIGN]
    assert marked == ["—"]


@pytest.mark.parametrize("text", ["It is 5 — not 6", "Ж" * 80, "Ваша заявка — готова. " * 8])
def test_nothing_is_blamed_that_costs_nothing_or_is_the_script(text: str) -> None:
    assert size(text).blame is None


def test_a_text_for_more_parts_than_a_message_has_no_size() -> None:
    assert size_of("Ж" * 20_000, GSM) is None


def test_hidden_characters_are_shown() -> None:
    assert [shown(one) for one in ("\n", " ", "\u00a0", "\u200b", "я")] == [
        *("↵", "␣", "U+00A0", "U+200B", "я")
    ]


@given(st.text(alphabet="aЖ—€\n😀 ", max_size=400))
def test_the_pieces_are_the_text(text: str) -> None:
    found = size(text)
    assert "".join(one.text for piece in found.pieces for one in piece) == text
    assert len(found.pieces) == found.parts
