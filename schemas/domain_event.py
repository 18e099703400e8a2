"""The root of all events of the log."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from schemas.base import Model

RequestId = Annotated[UUID, Field(description="the request: the random id of its MO")]


class DomainEvent(Model):
    """Root of all events. `VERSION` is the newest of its type."""

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
