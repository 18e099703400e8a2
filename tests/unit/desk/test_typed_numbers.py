"""What is said of a number that was not read."""

import pytest

from inbound.desk.person.typed_numbers import why_no_number
from inbound.desk.russian import RUSSIAN


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("9031112233", "Begin with +7 or 8"),
        ("(903) 111-22-33", "Begin with +7 or 8"),
        ("84951234567", "not a mobile number"),
        ("+7 800 555 35 35", "not a mobile number"),
        ("tel:+79161234567", "Type the number alone"),
        ("+7 916 123-45-67 доб. 3", "Type the number alone"),
        ("+7 916 123-45-67, ext. 12", "Type the number alone"),
        ("+79161234567;", "Type the number alone"),
        ("«8 (916) 123-45-67»", "Type the number alone"),
        ("79161234567", ""),
        ("C-1002", ""),
        ("916123456", ""),
        ("", ""),
    ],
)
def test_why_and_the_fix(typed: str, said: str) -> None:
    why = why_no_number(typed)
    assert said in why
    assert bool(why) == bool(said)
    assert not why or why in RUSSIAN
