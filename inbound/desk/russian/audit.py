"""Words of the pages of the audit. Pure."""

from collections.abc import Mapping
from typing import Final

AUDIT: Final[Mapping[str, str]] = {}
