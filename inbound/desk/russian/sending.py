"""Words of the pages of sending to one number. Pure."""

from collections.abc import Mapping
from typing import Final

SENDING: Final[Mapping[str, str]] = {}
