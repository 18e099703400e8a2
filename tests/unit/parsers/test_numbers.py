"""One number, however it is written, is one E.164 string."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.parsers.numbers import NumberError, mask, parse_msisdn

NUMBER = "+79031234567"
NOISE = [" ", "-", "(", ")", "\t", "\u00a0", "\u202f", "\u2009", "–", "—", "\u2011", "\u2212"]
NOISE += ["\u200b", "\u202d", "\u202c", "\ufeff"]

national = st.integers(min_value=900_000_0000, max_value=999_999_9999).filter(
    lambda n: phonenumbers.is_valid_number(phonenumbers.PhoneNumber(7, n))
)


@pytest.mark.parametrize(
    "text",
    [
        "+79031234567",
        "79031234567",
        "89031234567",
        "8-903-123-45-67",
        "7 (903) 123-45-67",
        "+7 903 123 45 67",
        "+7\u00a0(903)\u00a0123–45–67",
        "8.903.123.45.67",
        "+7.(903).123.45.67",
        "79.031.234.567",
        "(+7) 903 1234567",
        "\u202d+7 903 123-45-67\u202c",
        "\ufeff89031234567 ",
    ],
)
def test_russian_number_in_any_form(text: str) -> None:
    assert parse_msisdn(text) == NUMBER


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+380 50 123 45 67", "+380501234567"),
        ("+1 (415) 555-2671", "+14155552671"),  # fixed line or mobile: nobody can tell there
        ("+7 701 123 45 67", "+77011234567"),
    ],
)
def test_foreign_number_with_a_plus(text: str, number: str) -> None:
    assert parse_msisdn(text) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" +- ()", "empty"),
        ("+", "empty"),
        ("9031234567", "11 digits"),  # could be +961 3 123456 as well
        ("380501234567", "11 digits"),
        ("00380501234567", "11 digits"),
        ("77011234567", "needs a leading +"),
        ("87011234567", "needs a leading +"),
        ("+89031234567", "country code"),
        ("84951234567", "a landline"),
        ("+74951234567", "a landline"),
        ("+7903123456", "not a valid mobile"),
        ("+790312345678", "not a valid mobile"),
        ("+999999", "country code"),
        ("+7 903 123 45 67 ext. 8", "other than digits"),
        ("+7903CLIENT7", "other than digits"),
        ("+7903+1234567", "other than digits"),
        ("79031234567;89031234567", "other than digits"),
        ("٧٩٠٣١٢٣٤٥٦٧", "other than digits"),
        ("SCSERV", "other than digits"),
        # Each has eleven digits of a valid number, which is another person's.
        ("7903123456.7", "decimal point"),
        ("7903123456.0", "decimal point"),
        ("+7903123456.0", "decimal point"),
        ("79031234567.", "decimal point"),
        (".79031234567", "decimal point"),
        ("7 903 123-45.67", "decimal point"),
        ("7.903.123.456.0", "decimal point"),
        ("7903123456.0.", "decimal point"),
        ("7..9031234567", "decimal point"),
        ("7,903123456,0", "other than digits"),
        ("7.90312E+10", "other than digits"),
    ],
)
def test_what_is_no_mobile_number_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(NumberError, match=reason) as caught:
        parse_msisdn(text)
    digits = "".join(c for c in text if c.isdigit())
    assert not digits or digits not in str(caught.value)
    assert caught.value.__cause__ is None


@given(national, st.sampled_from(["+7", "7", "8"]), st.data())
def test_noise_around_and_within_a_number_changes_nothing(
    number: int, prefix: str, data: st.DataObject
) -> None:
    noise = st.lists(st.sampled_from(NOISE), max_size=2).map("".join)
    written = "".join(data.draw(noise) + char for char in f"{prefix}{number}") + data.draw(noise)
    assert parse_msisdn(written) == f"+7{number}"


@given(st.from_regex(r"\+7(9[0-9]{9}|[0-9]{9,11})", fullmatch=True))
def test_pattern_for_russian_numbers_agrees_with_the_numbering_plan(text: str) -> None:
    number = phonenumbers.parse(text, None)
    kind = phonenumbers.number_type(number)
    mobile = phonenumbers.PhoneNumberType.MOBILE
    is_mobile = kind in {mobile, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    try:
        assert parse_msisdn(text) == text
    except NumberError:
        assert not is_mobile
    else:
        assert is_mobile


@given(st.text())
def test_any_text_is_a_number_or_a_reason(text: str) -> None:
    try:
        number = parse_msisdn(text)
    except NumberError as error:
        assert str(error)  # noqa: PT017  either outcome is right
    else:
        assert parse_msisdn(number) == number


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+79161234567", "+7916*****67"),
        ("8 (916) 123-45-67", "8916*****67"),
        ("+380501234567", "+3805******67"),
        ("12345", "***"),
        ("", "***"),
        ("1a2b3c4d", "***"),
        ("+79161234567;C-1;1234;ivanov;1a2b3c4d", "***"),
        ("1234567890123456", "***"),
    ],
)
def test_masked_number(number: str, masked: str) -> None:
    assert mask(number) == masked


@given(st.text())
def test_mask_shows_nothing_but_digits(text: str) -> None:
    assert set(mask(text)) <= set("0123456789+*")
    assert "*" in mask(text)
