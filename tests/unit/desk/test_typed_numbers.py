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


@pytest.mark.parametrize("typed", [" " * 65, "8" * 65, "tel:" + "ext. " * 12_000, " " * 64_000])
def test_a_text_too_long_to_be_a_number_is_not_read(
    monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    read: list[str] = []
    monkeypatch.setattr("inbound.desk.person.typed_numbers.parse_msisdn", read.append)
    assert why_no_number(typed) == ""
    assert not read


@pytest.mark.parametrize("pair", [" ,", " .", "доб ", "ext", "1 ", "\xa0 "])
def test_no_text_takes_long(pair: str) -> None:
    assert why_no_number((pair * 64)[:63] + "?") == ""
