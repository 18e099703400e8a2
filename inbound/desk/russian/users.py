"""Words of the pages of users and roles. Pure."""

from collections.abc import Mapping
from typing import Final

USERS: Final[Mapping[str, str]] = {}
