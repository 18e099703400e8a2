"""`translit`: Russian in Latin letters, so that more of it fits into an SMS. Pure."""

from typing import Final

_SINGLE: Final = zip("абвгдезийклмнопрстуфхцыэ", "abvgdeziyklmnoprstufhcye", strict=True)
_LETTERS: Final = dict(_SINGLE) | {
    "ё": "yo",
    "ж": "zh",
    "ч": "ch",
    "ш": "sh",
    "щ": "sch",
    "ъ": "'",
    "ь": "'",
    "ю": "yu",
    "я": "ya",
}
_TABLE: Final = str.maketrans(
    {**_LETTERS, **{letter.upper(): latin.capitalize() for letter, latin in _LETTERS.items()}}
)


def transliterate(text: str) -> str:
    """Return the text with Russian letters replaced, and everything else as it is."""
    return text.translate(_TABLE)
