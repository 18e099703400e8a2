"""Rows of an audience give a recipient, or the reason why not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import xlsxwriter

from inbound.broadcasts.audience import (
    ExcludedRow,
    Exclusion,
    IncludedRow,
    audience_columns,
    check_row,
)
from inbound.broadcasts.content import (
    DraftError,
    OwnText,
    checked_parts,
    own_text,
    template_text,
)
from inbound.errors import SetupError
from inbound.orders.templates.definition import check_definition
from inbound.smpp.segmentation import part_count
from inbound.store.orders.templates import TemplateVersion
from inbound.tables.model import Cell, CellKind, Choices, Row
from inbound.tables.reader import open_table

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def content(text: str = "{Имя}, ваш счёт {сумма} р.", max_parts: int = 8) -> OwnText:
    return own_text(text, max_parts=max_parts, alphabet="gsm0338")


def checked(path: Path, text: OwnText, table: str) -> list[IncludedRow | ExcludedRow]:
    path.write_text(table, "utf-8")
    with open_table(path, audience_columns(text.fields), Choices(keeps_others=True)) as opened:
        return [check_row(row, text, opened.others) for row in opened.rows()]


def test_other_columns_are_fields_in_any_order(tmp_path: Path) -> None:
    (row,) = checked(
        tmp_path / "a.csv", content(), "сумма;город;Телефон;имя\n1500;Омск;8 916 123-45-67;Анна\n"
    )
    assert isinstance(row, IncludedRow)
    assert (row.number, row.fields) == ("+79161234567", {"Имя": "Анна", "сумма": "1500"})


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("12345,Анна,1", Exclusion.NUMBER, "msisdn: without a leading + it takes 11 digits"),
        ("=1+1,Анна,1", Exclusion.NUMBER, "msisdn: is a formula"),
        (" ,Анна,1", Exclusion.NO_NUMBER, "msisdn: empty"),
        ("+74951234567,Анна,1", Exclusion.NOT_MOBILE, "msisdn: a landline, not a mobile number"),
        ("88001234567,Анна,1", Exclusion.NOT_MOBILE, "msisdn: not a mobile number but one for"),
        ("+79161234567,,1", Exclusion.FIELDS, "Имя is empty"),
        ("+79161234567,#N/A,1", Exclusion.FIELDS, "error"),
        ("+79161234567,Анна,1,2", Exclusion.ROW, "4 fields"),
        (f"+79161234567,{'Ж' * 600},1", Exclusion.TOO_LONG, "SMS parts"),
    ],
)
def test_every_fault_has_its_reason_and_quotes_nothing(
    tmp_path: Path, line: str, reason: Exclusion, detail: str
) -> None:
    (row,) = checked(tmp_path / "a.csv", content(), f"msisdn,Имя,сумма\n{line}\n")
    assert isinstance(row, ExcludedRow)
    assert row.reason is reason
    assert detail in row.detail
    assert "Анна" not in row.detail
    assert "9161234567" not in repr(row)


def test_a_column_that_the_text_needs_and_the_table_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="сумма"):
        checked(tmp_path / "a.csv", content(), "msisdn,Имя\n+79161234567,Анна\n")


@pytest.mark.parametrize("text", ["", "  ", "{", "a\x1bb", "Ж" * 600])
def test_a_text_that_can_not_be_sent_is_refused_at_once(text: str) -> None:
    with pytest.raises(DraftError) as raised:
        own_text(text, max_parts=8, alphabet="gsm0338")
    assert raised.value.field == "text"


@pytest.mark.parametrize("length", [1, 66, 67, 68, 70, 71, 134, 135, 153, 160, 161, 200])
@pytest.mark.parametrize("letters", ["a", "€", "Ж", "😀", "a😀", "aЖ"])
def test_parts_are_counted_as_they_are_split(letters: str, length: int) -> None:
    text = (letters * length)[:length]
    assert checked_parts(text, 255, "gsm0338") == part_count(text, "gsm0338")


@pytest.mark.parametrize("shown", ["12.05.2026", "18:30", "1 500,50", "50%", "-5", "TRUE"])
def test_a_field_is_sent_as_the_table_shows_it(tmp_path: Path, shown: str) -> None:
    (row,) = checked(
        tmp_path / "a.csv", content("до {срок}"), f'msisdn;срок\n+79161234567;"{shown}"\n'
    )
    assert isinstance(row, IncludedRow)
    assert row.fields == {"срок": shown}


def version(number: int, retired_at: datetime | None = None) -> TemplateVersion:
    values = {
        "texts": {"ru": "Визит {day} в {time}.", "en": "Visit on {day} at {time}."},
        "fields": {"day": {"type": "date"}, "time": {"type": "time"}},
    }
    definition = check_definition(values, part_count).model_dump_json().encode()
    return TemplateVersion("visit", number, definition, NOON, "ann", retired_at, None)


def test_a_template_takes_its_fields_and_refuses_values_that_do_not_fit(tmp_path: Path) -> None:
    text, number = template_text([version(2), version(1)], "visit", max_parts=8, alphabet="gsm0338")
    assert number == 2
    path = tmp_path / "a.csv"
    path.write_text(
        "msisdn,day,time,town\n+79161234567,2026-05-17,18:30,Omsk\n+79161234568,soon,18:30,Omsk\n"
    )
    with open_table(path, audience_columns(text.fields)) as table:
        good, bad = (check_row(row, text) for row in table.rows())
    assert isinstance(good, IncludedRow)
    assert good.fields == {"day": "2026-05-17", "time": "18:30"}
    assert isinstance(bad, ExcludedRow)
    assert (bad.reason, "a date like" in bad.detail) == (Exclusion.FIELDS, True)


@pytest.mark.parametrize("versions", [[], [version(1, retired_at=NOON)]])
def test_a_template_that_is_not_there_is_refused(versions: list[TemplateVersion]) -> None:
    with pytest.raises(DraftError):
        template_text(versions, "visit", max_parts=8, alphabet="gsm0338")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("2026-05-17T00:00:00", "2026-05-17"),
        ("2026-05-17", "2026-05-17"),
        ("18:30:00", "18:30"),
        ("2026-05-17T18:30:00", "2026-05-17 18:30"),
    ],
)
def test_a_date_cell_is_a_date_or_a_time(cell: str, shown: str) -> None:
    number = Cell(CellKind.TEXT, "+79161234567")
    row = check_row(Row(2, (number, Cell(CellKind.DATE, cell))), content("до {срок}"))
    assert isinstance(row, IncludedRow)
    assert row.fields == {"срок": shown}


def test_a_template_writes_a_date_cell_as_its_language_does() -> None:
    cells = (
        Cell(CellKind.TEXT, "+79161234567"),
        Cell(CellKind.DATE, "2026-05-17T00:00:00"),
        Cell(CellKind.DATE, "18:30:00"),
    )
    text, _ = template_text([version(1)], "visit", max_parts=8, alphabet="gsm0338")
    good = check_row(Row(2, cells), text)
    assert isinstance(good, IncludedRow)
    assert text.definition.render(good.fields, "ru").text == "Визит 17.05.2026 в 18:30."


def test_an_error_of_a_formula_is_named() -> None:
    text = content("{Имя}")
    number, error = Cell(CellKind.TEXT, "+79161234567"), Cell(CellKind.ERROR, "#N/A")
    bad = check_row(Row(2, (number, error)), text)
    assert isinstance(bad, ExcludedRow)
    assert bad.detail == "Имя is the error #N/A of a formula, not a value"
    assert (bad.held.cells, bad.held.rest) == (("+79161234567", ""), "Имя was #N/A")
    for cell in (error, Cell(CellKind.TEXT, "#N/A")):
        bad = check_row(Row(2, (cell, number)), text)
        assert isinstance(bad, ExcludedRow)
        assert (bad.reason, "error" in bad.detail) == (Exclusion.NUMBER, True)


def test_a_duration_is_no_date() -> None:
    row = Row(2, (Cell(CellKind.TEXT, "+79161234567"), Cell(CellKind.DATE, "1 day, 2:00:00")))
    bad = check_row(row, content("{Имя}"))
    assert isinstance(bad, ExcludedRow)
    assert "make it text" in bad.detail


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_every_row_with_content_is_a_recipient_or_excluded(tmp_path: Path, form: str) -> None:
    table = [("msisdn", "name"), ("+79161234567", "Ann"), ("", "Bob"), ("", ""), ("", "Cid")]
    path = tmp_path / f"a.{form}"
    if form == "csv":
        path.write_text("\n".join(",".join(row) for row in table))
    else:
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(table):
                sheet.write_row(number, 0, row)
    text = content("the office is closed")
    with open_table(path, audience_columns(()), Choices(keeps_others=True)) as opened:
        rows = [check_row(row, text, opened.others) for row in opened.rows()]
    reasons = [row.reason if isinstance(row, ExcludedRow) else None for row in rows]
    assert reasons == [None, Exclusion.NO_NUMBER, Exclusion.NO_NUMBER]
    assert [row.held.cells for row in rows] == [
        ("+79161234567", "Ann"),
        ("", "Bob"),
        ("", "Cid"),
    ]


def test_content_that_is_not_certain_is_no_cell_of_the_excluded_row() -> None:
    cells = (Cell(CellKind.TEXT, "12345"), Cell(CellKind.GUESSED, "РђРЅРЅР°"))
    row = Row(2, cells, others=(Cell(CellKind.BOOLEAN, "TRUE"), Cell(CellKind.TEXT, "Омск")))
    bad = check_row(row, content("{Имя}"), ("vip", "town"))
    assert bad.held.cells == ("12345", "", "", "Омск")
    assert bad.held.rest == "Имя was РђРЅРЅР°; vip was TRUE"


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_two_columns_of_numbers_are_named_whatever_the_separator(
    tmp_path: Path, separator: str
) -> None:
    path = tmp_path / "a.csv"
    lines = ("телефон", "мобильный", "имя"), ("+79161234567", "+79161234568", "Анна")
    path.write_text("\n".join(map(separator.join, lines)), "utf-8")
    with (
        pytest.raises(SetupError, match=r"msisdn may be A “телефон” and B “мобильный”.*--map"),
        open_table(path, audience_columns(())),
    ):
        pass


@pytest.mark.parametrize("content", [b"\x00\x00\x03\x04 damaged", b"msisdn,name\n1,2\n"])
def test_a_damaged_workbook_is_not_read_as_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with (
        pytest.raises(SetupError, match=r"a.xlsx is no workbook, or a damaged one: open it"),
        open_table(path, audience_columns(())),
    ):
        pass


def test_numbers_of_a_workbook_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        date = book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, ["msisdn", "сумма", "день"])
        sheet.write_number(1, 0, 79161234567)
        sheet.write_number(1, 1, 0.1 + 0.2)
        sheet.write_datetime(1, 2, datetime(2026, 5, 17, tzinfo=None), date)  # noqa: DTZ001
    text = content("{сумма} до {день}")
    with open_table(path, audience_columns(text.fields)) as opened:
        (row,) = (check_row(row, text) for row in opened.rows())
    assert isinstance(row, IncludedRow)
    assert (row.number, row.fields) == ("+79161234567", {"сумма": "0.3", "день": "2026-05-17"})
