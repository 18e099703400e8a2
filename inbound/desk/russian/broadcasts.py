"""Words of the pages of broadcasts. Pure."""

from collections.abc import Mapping
from typing import Final

BROADCASTS: Final[Mapping[str, str]] = {}
