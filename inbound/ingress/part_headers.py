"""Headers of mails and of parts of forms: which of them are taken apart at all. Pure."""

from typing import Final

LONGEST_HEADER: Final = 1024
MOST_SEMICOLONS: Final = 16


def is_small(value: str) -> bool:
    """Whether a header is small enough to be taken apart, which takes quadratic time."""
    return len(value) <= LONGEST_HEADER and value.count(";") <= MOST_SEMICOLONS
