"""The base of all models of this package.

A reader ignores unknown fields, because a newer writer may have added them. A released model
doesn't change: the only edit allowed within a version is a new optional field.
"""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    NaiveDatetime,
    WithJsonSchema,
)

from schemas.reading import CACHED


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.utcoffset() else moment
    except OverflowError:
        raise ValueError("a year that no clock will show") from None


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment, in JSON always in UTC with `Z`; one without an offset is refused."""

# No JSON Schema format: `date-time` would want the zone that is not there.
CentreTime = Annotated[NaiveDatetime, WithJsonSchema({"type": "string"})]
"""What an SMS centre's clock showed, in a zone that the centre does not name."""


class Model(BaseModel):
    """Frozen, tolerant of unknown fields; bytes travel as base64 in JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        ser_json_bytes="base64",
        val_json_bytes="base64",
        cache_strings=CACHED,
        hide_input_in_errors=True,  # an error text must not repeat a number or a secret
    )

    def to_json(self) -> bytes:
        """Return this model as compact UTF-8 JSON, without fields that are None."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)


class Message(Model):
    """The value of a record on an internal topic; `TYPE` is its `ce_type` without prefix."""

    TYPE: ClassVar[str]
