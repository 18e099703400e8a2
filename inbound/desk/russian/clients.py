"""Words of the pages of the directory of clients. Pure."""

from collections.abc import Mapping
from typing import Final

CLIENTS: Final[Mapping[str, str]] = {}
