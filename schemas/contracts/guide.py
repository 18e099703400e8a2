"""Writes the tables of values in the guide for subscribers from the enums."""

from collections.abc import Iterable
from typing import Final

from schemas.documented_enum import DocumentedEnum
from schemas.events import Completion, Plan
from schemas.messages import ReceiptState
from schemas.orders import RefusalReason, WithheldReason
from schemas.registration_events import HoldReason, RefusalCause

GUIDE: Final = "docs/SUBSCRIBERS.md"
TABLES: Final[tuple[tuple[str, type[DocumentedEnum]], ...]] = (
    ("**`plan` of `request.accepted`**", Plan),
    ("**`completion` of `request.completed`**", Completion),
    ("**`state` of `message.undeliverable` and `message.undetermined`**", ReceiptState),
    ("**`reason` of `registration.held`**", HoldReason),
    ("**`cause` of `registration.refused`**", RefusalCause),
    ("**`reason` of `order.refused`**", RefusalReason),
    ("**`reason` of `message.withheld`**", WithheldReason),
)
"""The title of each table and the enum whose values it has."""

_HEAD: Final = "\n\n| value | meaning |\n|---|---|\n"


def with_tables_of_today(guide: str) -> str:
    """Return the guide with today's values in its tables.

    Raises ValueError if a table is not in the guide exactly once.
    """
    for title, enum in TABLES:
        before, *rest = guide.split(title + _HEAD)
        if len(rest) != 1:
            raise ValueError(f"{GUIDE} needs one table under {title}")
        _, blank, after = rest[0].partition("\n\n")
        guide = before + title + _HEAD + "\n".join(_rows(enum)) + blank + after
    return guide


def _rows(enum: type[DocumentedEnum]) -> Iterable[str]:
    return (f"| `{value}` | {value.meaning} |" for value in enum)
