"""One person has one number, however the SMS centre writes it."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.smpp.subscriber import Subscriber, is_country, parse_subscriber

NUMBER = "+79161234567"
UNKNOWN, INTERNATIONAL, NATIONAL, ALPHANUMERIC = 0, 1, 2, 5

# Every way in which a Russian SMS centre may write one number.
FORMS = (
    "79161234567",
    "+79161234567",
    "0079161234567",
    "+0079161234567",
    "81079161234567",
    "89161234567",
    "9161234567",
    "+7 916 123-45-67",
    "8 (916) 123-45-67",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ton", [UNKNOWN, INTERNATIONAL, NATIONAL, 3, 4, 6])
def test_every_form_is_one_number(ton: int, form: str) -> None:
    assert parse_subscriber(ton, form).number == NUMBER == parse_msisdn(NUMBER)


@pytest.mark.parametrize(
    ("ton", "addr", "country", "number"),
    [
        (1, "375291234567", "RU", "+375291234567"),
        (1, "00375291234567", "RU", "+375291234567"),
        (1, "810375291234567", "RU", "+375291234567"),
        (1, "998201234567", "RU", "+998201234567"),
        (1, "77771234567", "RU", "+77771234567"),
        (1, "9611234567", "RU", "+79611234567"),  # the other reading is a landline in Beirut
        (0, "375291234567", "RU", "+375291234567"),
        (0, "87011234567", "RU", "+77011234567"),
        (0, "9607123456", "RU", "+79607123456"),  # as dialled in the country of the bind
        (1, "7771234567", "KZ", "+77771234567"),
        (1, "87771234567", "KZ", "+77771234567"),
        (1, "291234567", "BY", "+375291234567"),
        (1, "80291234567", "BY", "+375291234567"),
        (2, "015112345678", "DE", "+4915112345678"),
        (1, "4155552671", "US", "+14155552671"),
        (1, "01179161234567", "US", "+79161234567"),
        (1, "79161234567", "US", "+79161234567"),
    ],
)
def test_numbers_of_other_countries(ton: int, addr: str, country: str, number: str) -> None:
    assert parse_subscriber(ton, addr, country).number == number


UNREADABLE = {
    "a digit is missing": (1, "7916123456"),
    "a digit too many": (1, "791612345678"),
    "of two countries": (1, "9607123456"),  # Maldives +960 7123456, Russia +7 9607123456
    "of two countries, with a plus": (0, "+9613123456"),
    "Kazakh without its first 7": (1, "7777123456"),
    "Kazakh without a prefix": (0, "7011234567"),
    "no such country": (1, "99991234567"),
    "a landline": (1, "74951234567"),
    "a landline of two countries": (1, "4951234567"),
    "freephone": (1, "80000000000"),
    "sixteen digits": (1, "1" * 16),
    "NULs of a number": (1, "0000000000000"),
    "masked": (1, "7916***4567"),
    "with a decimal point": (1, "7916123456.0"),
    "two pluses": (1, "++79161234567"),
    "letters": (1, "79161234567a"),
    "foreign, but national": (2, "375291234567"),
    "a landline, as dialled": (2, "4951234567"),
    "a number as a name": (5, "79161234567"),
    "digits of another script": (1, "٧٩١٦١٢٣٤٥٦٧"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_certain_is_no_number(name: str) -> None:
    assert parse_subscriber(*UNREADABLE[name]) == Subscriber(is_unreadable=True)


@pytest.mark.parametrize(
    ("ton", "addr"),
    [(1, ""), (0, "+"), (1, "123456"), (3, "1234"), (6, "112"), (0, "SCSERV"), (5, "SCSERV")],
)
def test_names_and_short_codes_are_no_leniency(ton: int, addr: str) -> None:
    assert parse_subscriber(ton, addr) == Subscriber()


def test_only_an_unannounced_form_is_a_leniency() -> None:
    for ton, addr in [(1, "79161234567"), (1, "+79161234567"), (0, "89161234567")]:
        assert parse_subscriber(ton, addr) == Subscriber(NUMBER)
    for addr in ("0079161234567", "9161234567", "89161234567", "+7 9161234567"):
        assert parse_subscriber(1, addr) == Subscriber(NUMBER, is_other_form=True)


def test_strict_reads_ton_1_as_an_international_number_only() -> None:
    assert parse_subscriber(1, "79161234567", strict=True).number == NUMBER
    assert parse_subscriber(1, "9607123456", strict=True).number == "+9607123456"
    for addr in ("0079161234567", "9161234567", "89161234567"):
        assert parse_subscriber(1, addr, strict=True) == Subscriber(is_other_form=True)
    assert parse_subscriber(1, "7916***4567", strict=True) == Subscriber(is_unreadable=True)


ADDRESSES = st.one_of(
    st.text("0123456789", max_size=18),
    st.text("0123456789+ -()*", max_size=20),
    st.text(st.characters(max_codepoint=255), max_size=20),
    st.builds(
        "{}{:09d}".format,
        st.sampled_from(["79", "9", "89", "0079", "8107", "+79", "37529", "77", "96"]),
        st.integers(0, 999_999_999),
    ),
)


@given(st.integers(0, 7), ADDRESSES, st.sampled_from(["RU", "KZ", "BY", "DE", "US", "GB", "AC"]))
@example(1, "80000000000", "RU")
def test_a_number_is_always_valid(ton: int, addr: str, country: str) -> None:
    number = parse_subscriber(ton, addr, country).number
    if number is not None:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
        assert parse_msisdn(number) == number
        # It means the same person when it arrives as it was stored.
        assert parse_subscriber(INTERNATIONAL, number[1:], country).number == number


@given(ADDRESSES, st.sampled_from([UNKNOWN, INTERNATIONAL, NATIONAL]))
def test_an_import_and_a_text_mean_the_same_person(addr: str, ton: int) -> None:
    try:
        imported = parse_msisdn(addr)
    except NumberError:
        return
    assert parse_subscriber(ton, addr).number in {imported, None}


def test_a_country_has_a_code_of_iso_3166() -> None:
    assert is_country("RU")
    assert not any(map(is_country, ["", "ru", "SU", "XX", "001", "Russia"]))
