"""Patterns of names and keys that others choose, and what each means in words."""

from collections.abc import Mapping
from typing import Final

ACCOUNT: Final = r"^[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?$"
SENDER: Final = r"^(?:[ -~]{1,11}|\+?[0-9]{3,15})$"
TEMPLATE: Final = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
KEY: Final = r"^[!-~]+$"
_HOUR: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
HOURS: Final = f"^{_HOUR}-{_HOUR}$"

WORDS: Final[Mapping[str, str]] = {
    ACCOUNT: "has to be small Latin letters, digits, dots, dashes and underscores, and to begin "
    "and end with a letter or digit",
    SENDER: "has to be up to 11 Latin letters, digits and signs, or up to 15 digits",
    TEMPLATE: "has to be the name of a template: small Latin letters, digits, dots, dashes and "
    "underscores",
    KEY: "has to be letters, digits and signs of ASCII, without blanks",
    HOURS: "has to be two times from 00:00 to 23:59, like 10:00-12:00; midnight is 00:00",
}
"""What is right for a text that doesn't match."""
