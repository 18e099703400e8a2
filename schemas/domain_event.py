"""The root of all events of the log."""

from typing import ClassVar

from schemas.base import Model


class DomainEvent(Model):
    """Root of all events. `VERSION` is the newest of its type."""

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
