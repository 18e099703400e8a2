"""The language that an Accept-Language header asks for."""

import pytest

from inbound.api.languages import best_language
from inbound.timeline.model import Language


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("en", Language.EN),
        ("RU", Language.RU),
        ("en-GB", Language.EN),
        ("ru-RU,ru;q=0.9,en;q=0.8", Language.RU),
        ("de, en;q=0.7, ru;q=0.3", Language.EN),
        ("ru;q=0.3, en;q=0.7", Language.EN),
        ("ru, en", Language.RU),
        ("en, ru", Language.EN),
        ("ru;q=0, en;q=0.1", Language.EN),
        ("en;q=x, ru;q=0.1", Language.RU),
        (" en ; q=0.5 ,, ru;Q=0.6", Language.RU),
        ("de", None),
        ("*", None),
        ("ru;q=0", None),
        ("english", None),
        ("", None),
        (None, None),
        ("en," * 1000, None),
    ],
)
def test_the_language_with_the_highest_weight_that_we_speak(
    accepted: str | None, language: Language | None
) -> None:
    assert best_language(accepted) is language
