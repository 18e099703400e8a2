"""When a second person has to approve something. Pure."""

from enum import StrEnum
from typing import Final

BROADCASTS_ABOVE: Final = 100_000
"""Recipients above which a broadcast needs a second person, unless a setting says otherwise."""


class SenderApproval(StrEnum):
    """Who may approve a sender that a person has asked for.

    `auto`: another person, as soon as the audit has one; `second`: another person always; `anyone`:
    the same person, too.
    """

    AUTO = "auto"
    SECOND = "second"
    ANYONE = "anyone"
