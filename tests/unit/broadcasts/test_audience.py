"""Rows of an audience give a recipient, or the reason why not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inbound.broadcasts.audience import (
    ExcludedRow,
    Exclusion,
    GoodRow,
    audience_columns,
    check_row,
)
from inbound.broadcasts.content import DraftError, OwnText, own_text, template_text
from inbound.errors import SetupError
from inbound.orders.templates.definition import check_definition
from inbound.smpp.segmentation import part_count
from inbound.store.orders.templates import TemplateVersion
from inbound.tables.model import Cell, Kind, Row
from inbound.tables.reader import open_table

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def content(text: str = "{Имя}, ваш счёт {сумма} р.", max_parts: int = 8) -> OwnText:
    return own_text(text, max_parts=max_parts, alphabet="gsm0338")


def checked(path: Path, text: OwnText, table: str) -> list[GoodRow | ExcludedRow]:
    path.write_text(table, "utf-8")
    with open_table(path, audience_columns(text.fields)) as opened:
        return [check_row(row, text) for row in opened.rows()]


def test_other_columns_are_fields_in_any_order(tmp_path: Path) -> None:
    (row,) = checked(
        tmp_path / "a.csv", content(), "сумма;город;Телефон;имя\n1500;Омск;8 916 123-45-67;Анна\n"
    )
    assert isinstance(row, GoodRow)
    assert (row.number, row.fields) == ("+79161234567", {"Имя": "Анна", "сумма": "1500"})


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        ("12345,Анна,1", Exclusion.NUMBER, "digits"),
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


def test_a_short_text_needs_no_counting_whatever_its_characters() -> None:
    text = "😀" * 33
    assert own_text(text, max_parts=1, alphabet="gsm0338").fault({}) is None


@pytest.mark.parametrize("shown", ["12.05.2026", "18:30", "1 500,50", "50%", "-5", "TRUE"])
def test_a_field_is_sent_as_the_table_shows_it(tmp_path: Path, shown: str) -> None:
    (row,) = checked(
        tmp_path / "a.csv", content("до {срок}"), f'msisdn;срок\n+79161234567;"{shown}"\n'
    )
    assert isinstance(row, GoodRow)
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
    assert isinstance(good, GoodRow)
    assert good.fields == {"day": "2026-05-17", "time": "18:30"}
    assert isinstance(bad, ExcludedRow)
    assert (bad.reason, "a date like" in bad.detail) == (Exclusion.FIELDS, True)


@pytest.mark.parametrize("versions", [[], [version(1, retired_at=NOON)]])
def test_a_template_that_is_not_there_is_refused(versions: list[TemplateVersion]) -> None:
    with pytest.raises(DraftError):
        template_text(versions, "visit", max_parts=8, alphabet="gsm0338")


def test_a_date_cell_is_a_date_for_a_template_and_no_text_otherwise() -> None:
    number, day, time = (
        Cell(Kind.TEXT, "+79161234567"),
        Cell(Kind.DATE, "2026-05-17T00:00:00"),
        Cell(Kind.TEXT, "18:30"),
    )
    text, _ = template_text([version(1)], "visit", max_parts=8, alphabet="gsm0338")
    good = check_row(Row(2, (number, day, time)), text)
    assert isinstance(good, GoodRow)
    assert good.fields["day"] == "2026-05-17"
    bad = check_row(Row(2, (number, day)), content("{Имя}"))
    assert isinstance(bad, ExcludedRow)
    assert "make it text" in bad.detail
