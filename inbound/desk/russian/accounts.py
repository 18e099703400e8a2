"""Words of the pages of accounts and tokens. Pure."""

from collections.abc import Mapping
from typing import Final

ACCOUNTS: Final[Mapping[str, str]] = {}
