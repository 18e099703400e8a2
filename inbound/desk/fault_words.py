"""Reasons for which rows of clients are rejected, which have a translation. Pure.

Those of cells and numbers are in `inbound.tables.reasons`. The import has more, with values in
them; these are shown in English.
"""

from typing import Final

REASONS: Final = (
    "all fields are empty",
    "starts or ends with a blank",
    "contains a character that can't be printed",
    "the number belongs to another client_id",
    "the client_id already has another number",
)
