"""Which rows are clients, and what is said about the others."""

import pytest

from inbound.directory.client_rows import ClientRow, RejectedRow, check_row
from inbound.directory.port import Registration
from inbound.directory.rejection_words import HeldText
from inbound.tables.model import BadRow, Cell, CellKind, Row
from tests.unit.tables.worlds import printed, text

GOOD = ("+79161234567", "C-1", "1234", "ivanov", "1a2b3c4d")


def row(*values: str | Cell) -> Row:
    cells = (value if isinstance(value, Cell) else printed(value) for value in values)
    return Row(5, tuple(cells))


def rejected(*values: str | Cell) -> RejectedRow:
    bad = check_row(row(*values))
    assert isinstance(bad, RejectedRow)
    return bad


def test_good_row() -> None:
    client = Registration("C-1", "1234", "ivanov", "1a2b3c4d")
    assert check_row(row(*GOOD)) == ClientRow(5, "+79161234567", client)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("CANARY", *GOOD[1:]), "***: msisdn: holds something other than digits"),
        (("84951234567", *GOOD[1:]), "8495*****67: msisdn: a landline, not a mobile number"),
        (("7916123456.0", *GOOD[1:]), "7916*****60: msisdn: has a decimal point"),
        ((GOOD[0], "", "1", "a", "CANARY"), "+7916*****67: client_id: is empty"),
        ((GOOD[0], "C", "CANARY-CANARY-CANARY", "a", "b"), "personal_code: is longer than 16"),
        ((GOOD[0], "C", "1", " CANARY", "b"), "login: starts or ends with a blank"),
        ((GOOD[0], "C", "1", "a", "CANARY\u00a0"), "password: starts or ends with a blank"),
        ((GOOD[0], "C", "1", "a", "CAN\tARY"), "password: contains a character that can't be"),
        ((GOOD[0], "C", "1", "a", "CAN\u202eARY"), "password: contains a character that can't be"),
        ((GOOD[0], "C", "1", "a", "CAN\x00ARY"), "password: contains a character that can't be"),
        ((GOOD[0], "C", "1", "a", "'CANARY"), "password: begins with an apostrophe"),
        ((GOOD[0], "C", "1", "a", " "), "password: is empty"),
    ],
)
def test_rejected_row_is_named_without_its_secrets(values: tuple[str, ...], said: str) -> None:
    bad = rejected(*values)
    assert said in str(bad)
    for printable in (str(bad), repr(bad)):
        assert "CANARY" not in printable
        assert "79161234567" not in printable


def test_all_faults_of_a_row_are_named_at_once() -> None:
    bad = rejected("1", "", "1234", "ivanov", Cell(CellKind.NUMBER, "77"))
    assert bad.fields() == "msisdn, client_id, password"


def test_uncertain_text_is_left_out_of_the_corrected_fields() -> None:
    bad = rejected(GOOD[0], "C-1", Cell(CellKind.NUMBER, "123"), "'ivanov", text(" x"))
    assert bad.values == ("+79161234567", "C-1", "", "", " x")
    assert bad.held == (HeldText("personal_code", "123"), HeldText("login", "'ivanov"))
    assert bad.full_reason().endswith("personal_code was 123; login was 'ivanov")


def test_record_that_could_not_be_taken_apart() -> None:
    bad = check_row(BadRow(5, 6, "the quotes don't match", "CANARY"))
    assert isinstance(bad, RejectedRow)
    assert str(bad) == "***: row: the quotes don't match"
    assert bad.full_reason() == "row: the quotes don't match; it was: CANARY"


def test_row_that_is_rejected_again_keeps_its_old_reason() -> None:
    empty = Row(5, (printed(""),) * 5, note="personal_code was 123")
    first = check_row(empty)
    assert isinstance(first, RejectedRow)
    assert first.full_reason() == "row: all fields are empty; before: personal_code was 123"
    again = check_row(Row(6, empty.cells, note=first.full_reason()))
    assert isinstance(again, RejectedRow)
    assert again.full_reason() == first.full_reason()


@pytest.mark.parametrize(
    "bad",
    [
        Row(5, (printed(GOOD[0]), *(printed("") for _ in range(4)))),
        Row(5, (printed("'" + GOOD[0]), printed(""), *(printed("x") for _ in range(3)))),
        BadRow(5, 5, "6 fields", "...", ("C-1", "8 (916) 123-45-67", "x")),
        Row(5, (printed(""),) * 5, note="row: 6 fields; it was: C-1 | 79161234567 | x"),
    ],
)
def test_rejected_row_claims_the_number_that_can_be_read(bad: Row | BadRow) -> None:
    rejected = check_row(bad)
    assert isinstance(rejected, RejectedRow)
    assert rejected.claims == {GOOD[0]}


@pytest.mark.parametrize(
    ("personal_code", "login", "password"),
    [
        ("1" * 16, "l" * 64, "p" * 64),
        ("1", "l", "p"),
        ("код", "Иван Петров", 'a,"b" €🙂'),
    ],
)
def test_values_up_to_the_limits_are_taken_as_they_are(
    personal_code: str, login: str, password: str
) -> None:
    good = check_row(row("8 916 123-45-67", "C-1", personal_code, login, password))
    assert good == ClientRow(5, "+79161234567", Registration("C-1", personal_code, login, password))


def test_number_cells_are_taken_in_the_columns_that_a_person_vouches_for() -> None:
    cells = row(
        Cell(CellKind.NUMBER, "79161234567"), "C-1", Cell(CellKind.NUMBER, "1234"), "a", "b"
    )
    assert isinstance(check_row(cells), RejectedRow)
    assert isinstance(check_row(cells, {"login"}), RejectedRow)
    good = check_row(cells, {"personal_code"})
    assert isinstance(good, ClientRow)
    assert good.registration.personal_code == "1234"
