"""Makes text of a file harmless to a terminal."""


def printable(text: str, chars_max: int | None = None) -> str:
    """Return the text without characters that steer a terminal or turn its direction, cut."""
    text = "".join(char if char.isprintable() else " " for char in text)
    if chars_max is None or len(text) <= chars_max:
        return text
    return text[: chars_max - 1] + "…"
