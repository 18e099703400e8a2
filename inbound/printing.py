"""Makes foreign text harmless: the one function through which it reaches a terminal or a log.

Text is foreign if a person, an SMS centre, a file or a program chose it. It may hold characters
that steer a terminal (ESC, the C1 controls), forge a line (CR, LF, U+2028) or turn the direction of
writing (U+202E). `inbound.terminal` and `inbound.ops.logs` call this function for everything that
they write.
"""

from typing import Final

_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ASTRAL: Final = 0x10000


def printable(text: str, chars_max: int | None = None, *, keep: str = "") -> str:
    """Return the text with unprintable characters escaped, except those of `keep`, and cut.

    Escapes are those of JSON, so a line of JSON keeps its value. Unprintable are control, format,
    private and unassigned characters, lone surrogates, and separators other than a space.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)
    if chars_max is None or len(text) <= chars_max:
        return text
    return text[: chars_max - 1] + "…"


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if code < _ASTRAL:
        return f"\\u{code:04x}"
    code -= _ASTRAL
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
