"""Why a text of a broadcast is refused, in the words of the desk."""

import pytest

from inbound.broadcasts.content import DraftError, own_text
from inbound.desk.broadcasts.draft_problems import problem_of
from inbound.smpp.alphabet import GSM_0338


@pytest.mark.parametrize(
    ("text", "begin", "values"),
    [
        ("{", "The braces of the text", {}),
        ("{a b!}", "The braces of the text", {}),
        ("\u200b", "The text has no visible character", {}),
        ("a\0b", "The text has an invisible control character", {}),
        ("й" * 200, "The text needs {needed} SMS parts", {"needed": 3, "most": 2}),
        ("x" * 40_000, "The text is far too long", {"most": 255}),
    ],
)
def test_a_reason_does_not_depend_on_the_words_of_the_error(
    text: str, begin: str, values: dict[str, int]
) -> None:
    with pytest.raises(DraftError) as refused:
        own_text(text, max_parts=2, alphabet=GSM_0338)
    refused.value.args = ("said in other words",)
    field, said = problem_of(refused.value)
    assert field == "text"
    assert said.words.startswith(begin)
    assert said.values == values
