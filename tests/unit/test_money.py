"""Amounts have one form, however many digits the database keeps."""

from decimal import Decimal

import pytest

from inbound.money import amount_text, money


@pytest.mark.parametrize(
    ("amount", "for_programs", "for_people"),
    [
        ("0", "0.00", "0.00 RUB"),
        ("2.5", "2.50", "2.50 RUB"),
        ("12.5000", "12.50", "12.50 RUB"),
        ("0.0375", "0.0375", "0.0375 RUB"),
        ("0.0370", "0.037", "0.037 RUB"),
        ("1E+6", "1000000.00", "1,000,000.00 RUB"),
        ("1234567.8", "1234567.80", "1,234,567.80 RUB"),
        ("-3", "-3.00", "-3.00 RUB"),
    ],
)
def test_amounts(amount: str, for_programs: str, for_people: str) -> None:
    assert amount_text(Decimal(amount)) == for_programs
    assert money(Decimal(amount), "RUB") == for_people
