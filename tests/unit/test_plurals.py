"""Nouns after numbers."""

import pytest

from inbound.plurals import counted, counted_in_russian


@pytest.mark.parametrize(
    ("number", "english", "russian"),
    [
        (0, "0 notes", "0 заметок"),
        (1, "1 note", "1 заметка"),
        (2, "2 notes", "2 заметки"),
        (5, "5 notes", "5 заметок"),
        (11, "11 notes", "11 заметок"),
        (12, "12 notes", "12 заметок"),
        (21, "21 notes", "21 заметка"),
        (111, "111 notes", "111 заметок"),
        (112, "112 notes", "112 заметок"),
        (122, "122 notes", "122 заметки"),
    ],
)
def test_a_noun_agrees_with_its_number(number: int, english: str, russian: str) -> None:
    assert counted(number, "note") == english
    assert counted_in_russian(number, "заметка", "заметки", "заметок") == russian


def test_an_irregular_plural() -> None:
    assert [counted(n, "person", "people") for n in (1, 2)] == ["1 person", "2 people"]
