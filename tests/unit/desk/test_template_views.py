"""Two versions of a text are compared word by word, unless that takes too long."""

import pytest

from inbound.desk.messages.template_views import DiffSpan, changes_of


def spans(before: str, after: str) -> list[tuple[str, str]]:
    found = changes_of(before, after)
    assert "".join(one.text for one in found if one.kind != "into") == before
    assert "".join(one.text for one in found if one.kind != "out") == after
    return [(one.kind, one.text) for one in found]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("", "", []),
        ("same text", "same text", [("same", "same text")]),
        ("", "new", [("into", "new")]),
        ("old", "", [("out", "old")]),
        ("a b", "a b c", [("same", "a b"), ("into", " c")]),
        ("a a", "a", [("same", "a"), ("out", " a")]),
        (
            "{name}, the office closes at 5",
            "{name}, the shop closes at 6",
            [
                ("same", "{name}, the "),
                ("out", "office"),
                ("into", "shop"),
                ("same", " closes at "),
                ("out", "5"),
                ("into", "6"),
            ],
        ),
    ],
)
def test_words_are_marked(before: str, after: str, changes: list[tuple[str, str]]) -> None:
    assert spans(before, after) == changes


@pytest.mark.parametrize("sign", ["!", "! "])
def test_what_takes_too_long_to_compare_is_one_stretch(sign: str) -> None:
    """Its steps are the cube of its words; a few words changed in a long text are still marked."""
    before, after = f"a {sign * 1000}z", f"a {f'?{sign}' * 1000}z"
    assert [kind for kind, _ in spans(before, after)] == ["same", "out", "into", "same"]
    assert spans(f"{sign * 1000}b c", f"{sign * 1000}d c")[1:] == [
        ("out", "b"),
        ("into", "d"),
        ("same", " c"),
    ]


def test_a_text_of_ordinary_length_is_compared() -> None:
    words = [f"word{n}" for n in range(120)]
    changed = ["other" if n % 10 == 5 else word for n, word in enumerate(words)]
    found = changes_of(" ".join(words), " ".join(changed))
    assert found.count(DiffSpan("into", "other")) == 12
