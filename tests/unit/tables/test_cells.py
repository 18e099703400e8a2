"""A value comes out of a cell only if it is certainly the one that was meant."""

import pytest

from inbound.tables.cells import CellError, read_msisdn, read_text
from inbound.tables.model import EMPTY, Cell, CellKind
from tests.unit.tables.worlds import printed, text

NUMBER = "+79161234567"


@pytest.mark.parametrize(
    "cell",
    [
        printed("+7 (916) 123-45-67"),
        printed("79161234567"),
        printed("8 916 123 45 67 "),
        printed("'+79161234567"),  # the mark of a text cell
        text("89161234567"),
        Cell(CellKind.NUMBER, "79161234567"),
        Cell(CellKind.NUMBER, "89161234567"),
    ],
)
def test_certain_number(cell: Cell) -> None:
    assert read_msisdn(cell) == NUMBER


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("7916123456.0", "decimal point"),
        ("7916123456,0", "decimal point"),
        ("79161234567.0", "decimal point"),
        ("+7916123456.0", "decimal point"),
        ("7.91612E+10", "scientific"),
        ("7,91612E+10", "scientific"),
        ("7.9161234567E10", "scientific"),
        ("79161200000", "write it with"),  # 7.91612E+10, saved again
        ("-79161234567", "minus"),
        ("9161234567", "11 digits"),
        ("916123456", "11 digits"),
        ("380501234567", "11 digits"),
        ("+79161234567, +79161234568", "other than digits"),
        ("########", "other than digits"),
        ("", "empty"),
    ],
)
def test_uncertain_number_is_refused_wherever_it_is(written: str, reason: str) -> None:
    for kind in (CellKind.PRINTED, CellKind.TEXT):
        with pytest.raises(CellError, match=reason) as caught:
            read_msisdn(Cell(kind, written))
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "cell",
    [
        Cell(CellKind.NUMBER, "7916123456"),
        Cell(CellKind.NUMBER, "79161234567.5"),
        Cell(CellKind.NUMBER, "7.9161234567123e+16"),
        Cell(CellKind.NUMBER, "79161200000"),
        Cell(CellKind.NUMBER, "-79161234567"),
        Cell(CellKind.DATE, "2116-10-01"),
        Cell(CellKind.BOOLEAN, "TRUE"),
        EMPTY,
    ],
)
def test_cell_that_is_no_certain_number_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        read_msisdn(cell)


def test_round_number_that_a_person_wrote_is_taken() -> None:
    for written in ("+79161200000", "8 916 120-00-00"):
        assert read_msisdn(printed(written)) == "+79161200000"


CHANGED = [
    ("'0123", "apostrophe"),
    ('="0123"', "formula"),
    ('=СЦЕПИТЬ("a";"b")', "formula"),
    ("=A1", "formula"),
    ("=x9", "formula"),
    ("@SUM(A1)", "formula"),
    ("=CMD|' /C calc'!A0", "formula"),
    ("+1+1", "formula"),
    ("-5", "formula"),
    ("TRUE", "truth value"),
    ("истина", "truth value"),
    ("ЛОЖЬ", "truth value"),
    ("50%", "percentage"),
    ("1,5 %", "percentage"),
    ("1/2", "fraction"),
    ("1 1/2", "fraction"),
    ("1234567890123450", "15 digits"),
    ("12345678901234500000", "15 digits"),
    ("#N/A", "error"),
    ("#ЗНАЧ!", "error"),
    ("Err:502", "error"),
    ("########", "error"),
    ("1E+05", "scientific"),
    ("1,23457E+14", "scientific"),
    ("1234.0", "decimal point"),
    ("1234,00", "decimal point"),
    ("01.02.2024", "date"),
    ("2024-02-01", "date"),
    ("2024-02-01 00:00:00", "date"),
    ("1/2/24", "date"),
    ("01.фев", "date"),
    ("янв.24", "date"),
    ("2-Jan", "date"),
    ("Jan-24", "date"),
    ("12:30", "date"),
    ("???????", "lost"),
    ("Иван\ufffdв", "lost"),
]


@pytest.mark.parametrize(("written", "reason"), CHANGED)
def test_text_that_a_spreadsheet_may_have_changed_is_refused_in_a_csv_file(
    written: str, reason: str
) -> None:
    with pytest.raises(CellError, match=reason) as caught:
        read_text(printed(written))
    assert written not in str(caught.value)


@pytest.mark.parametrize(("written", "reason"), CHANGED)
def test_text_cell_of_a_workbook_is_what_was_typed(written: str, reason: str) -> None:
    assert read_text(text(written)) == written


@pytest.mark.parametrize(
    "written",
    [
        *("0123", "1234", "ivanov", "marina-12", "julia.5", "p.1.2", "1.5", "a=b", "x@y", "#1"),
        *("#ab", "may", "10e", "e10", "?", "Пароль", "1a2b3c4d", "192.168.0.1", "1+1", "12.2024"),
    ],
)
def test_ordinary_text_is_taken(written: str) -> None:
    assert read_text(printed(written)) == written


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Cell(CellKind.NUMBER, "1234"), "zeros at its start"),
        (Cell(CellKind.DATE, "2024-01-02"), "date"),
        (Cell(CellKind.BOOLEAN, "TRUE"), "TRUE or FALSE"),
        (Cell(CellKind.GUESSED, "пароль"), "encoding"),
        (Cell(CellKind.ERROR, "#REF!"), "is the error #REF! of a formula"),
        (text("PT2952H00M00S"), "date"),  # how the reader of ODS files gives a duration
    ],
)
def test_cell_that_is_no_text_is_refused(cell: Cell, reason: str) -> None:
    with pytest.raises(CellError, match=reason):
        read_text(cell)


def test_number_cell_is_taken_if_a_person_vouches_for_its_column() -> None:
    assert read_text(Cell(CellKind.NUMBER, "1234"), whole_numbers=True) == "1234"
    for uncertain in ("1234.5", "1e+16", "-5"):
        with pytest.raises(CellError):
            read_text(Cell(CellKind.NUMBER, uncertain), whole_numbers=True)
    with pytest.raises(CellError):
        read_text(Cell(CellKind.DATE, "2024-01-02"), whole_numbers=True)
