"""The parser accepts the commands' texts and nothing else."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.parsers.commands import COMMANDS, NoCommand, parse, why_not

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "vectors/commands.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector["text"])[:40])
def test_vectors(vector: dict[str, str | None]) -> None:
    assert parse(vector["text"] or "") == vector["command"]


@given(
    st.sampled_from(sorted(COMMANDS)),
    st.lists(st.booleans(), min_size=16, max_size=16),
    st.text(" \r\n\0", max_size=5),
    st.text(" \r\n\0", max_size=5),
)
def test_either_case_of_every_letter_and_blanks_around(
    text: str, upper: list[bool], before: str, after: str
) -> None:
    mixed = "".join(c.upper() if up else c for c, up in zip(text, upper, strict=False))
    assert parse(before + mixed + after) is COMMANDS[text]


@given(st.text(max_size=40))
def test_what_is_accepted_is_one_of_the_commands(text: str) -> None:
    command = parse(text)
    if command is not None:
        assert text.strip(" \r\n\0").lower() in COMMANDS
        assert text.isascii()
    else:
        assert isinstance(why_not(text), NoCommand)


@given(st.sampled_from(sorted(COMMANDS)), st.data())
def test_one_changed_character_makes_another_text(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8"))
    changed = text[:place] + other + text[place + 1 :]
    same = other.isascii() and other.lower() == text[place]
    # "client sms stop" and "client sms start" differ in more than one character.
    assert (parse(changed) is not None) is same


@pytest.mark.parametrize(
    ("text", "miss"),
    [
        ("", NoCommand.EMPTY),
        (" \r\n", NoCommand.EMPTY),
        ("CLIENT  info", NoCommand.SPACING),
        ("CLIENT\tinfo", NoCommand.SPACING),
        ("CLIENT\u00a0info", NoCommand.SPACING),
        ("\u0421LIENT info", NoCommand.LOOK_ALIKE),
        ("CLIENT \u0456nfo", NoCommand.LOOK_ALIKE),
        ("CLIENT info please", NoCommand.EXTRA_WORDS),
        ("спасибо, CLIENT info", NoCommand.EXTRA_WORDS),
        ("CLIENT info, please!", NoCommand.EXTRA_WORDS),
        ("CLIENT information", NoCommand.UNKNOWN),
        ("myCLIENT info", NoCommand.UNKNOWN),
        ("STOP", NoCommand.UNKNOWN),
        ("КЛИЕНТ инфо", NoCommand.UNKNOWN),
    ],
)
def test_says_which_kind_of_miss(text: str, miss: NoCommand) -> None:
    assert why_not(text) is miss
