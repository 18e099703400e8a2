"""Words of the pages of the status and the daily report. Pure."""

from collections.abc import Mapping
from typing import Final

STATUS: Final[Mapping[str, str]] = {}
