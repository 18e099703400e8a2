"""A text that would steer a terminal, forge a line or turn the direction of writing."""

from typing import Final

HOSTILE: Final = (
    "\x1b]0;owned\x07\x1b[2J\r\nINFO all is well\x9b31m\x85\x7f"
    "\u202eevil\u2066\u2028\u200b\u061c\ue000\U000e0041"
)
"""OSC, CSI, a forged line, C1 controls, DEL, bidi controls, separators, tags."""

ALLOWED: Final = {"\n"}


def unprintable_in(output: str) -> set[str]:
    """Return the characters of an output that could do harm where it is shown."""
    return {char for char in output if not char.isprintable() and char not in ALLOWED}
