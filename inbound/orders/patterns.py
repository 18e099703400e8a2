"""The patterns that the texts of an account have to match. Pure."""

import re
from collections.abc import Collection
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def matches_any(patterns: Collection[str], text: str) -> bool:
    """Whether a whole text matches one of these regular expressions. Raises re.error."""
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)
