"""The times that a caller gives."""

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.moments import Moment

_MOMENT = TypeAdapter(Moment)


@pytest.mark.parametrize(
    "written",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z"],
)
def test_a_time_that_no_zone_can_show_is_refused(written: str) -> None:
    with pytest.raises(ValidationError, match="in the years 1970 to 9998"):
        _MOMENT.validate_python(written)


@pytest.mark.parametrize("written", ["1970-01-01T00:00:00+14:00", "9998-12-31T23:59:59-23:59"])
def test_a_time_at_the_edge_can_be_converted(written: str) -> None:
    moment = _MOMENT.validate_python(written)
    assert moment.utctimetuple()
