"""CSV as RFC 4180 defines it and as spreadsheets write it."""

from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.tables.delimited import RECORD_CHARS_MAX
from inbound.tables.model import Row
from inbound.tables.reader import open_table
from tests.unit.tables.worlds import COLUMNS, facts, read, saved

HEADER = "msisdn,code\n"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_separators_line_ends_and_quotes(
    tmp_path: Path, separator: str, end: str, quote: str
) -> None:
    rows = (("msisdn", "code"), ("+79161234567", "0123"))
    lines = [separator.join(f"{quote}{field}{quote}" for field in row) for row in rows]
    assert read(saved(tmp_path, end.join(lines))) == [(2, "+79161234567", "0123")]


def test_quoted_field_has_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    text = 'msisdn,code,note\n1,"a,""b""; c","x\n\ny"\n2,d,\n'
    assert read(saved(tmp_path, text)) == [(2, "1", 'a,"b"; c'), (5, "2", "d")]


def test_empty_rows_are_skipped_and_rows_of_other_columns_counted(tmp_path: Path) -> None:
    path = saved(tmp_path, "msisdn,code,note\n\n1,2,\n,,\n , ,\n,,total 1\n,,,,,\n")
    assert read(path) == [(3, "1", "2")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1", "1 fields, but the header has 2"),
        ("1,2,3", "3 fields, but the header has 2"),
        ('1,"2"x', "the quotes don't match"),
        ('1,"2', "the quotes don't match"),
    ],
)
def test_record_that_cannot_be_taken_apart(tmp_path: Path, row: str, reason: str) -> None:
    assert read(saved(tmp_path, HEADER + row)) == [(2, reason)]


def test_empty_fields_beyond_the_header_do_not_count(tmp_path: Path) -> None:
    assert read(saved(tmp_path, "msisdn,code,,\n1,2,,,,\n")) == [(2, "1", "2")]


NAMELESS = "has content in column {} without a name, so a value may be cut in two"


def test_content_in_a_column_without_a_name_rejects_the_row(tmp_path: Path) -> None:
    """A password with the separator in it shifts what follows into the empty last column."""
    path = saved(tmp_path, "msisdn;code;\n1;pe;tr\n2;x;\n3;y; \n;;z\n")
    reason = NAMELESS.format("C")
    assert read(path) == [(2, reason), (3, "2", "x"), (4, "3", "y"), (5, reason)]
    with open_table(path, COLUMNS) as table:
        assert table.understood.nameless == (2,)


def test_column_that_is_empty_in_the_first_row_has_no_name(tmp_path: Path) -> None:
    path = saved(tmp_path, "1;a;;n\n2;pe;tr;n\n")
    mapping = (("msisdn", "#A"), ("code", "#B"))
    assert read(path, mapping=mapping) == [(1, "1", "a"), (2, NAMELESS.format("C"))]


def test_reason_of_a_rejected_row_stays_with_it(tmp_path: Path) -> None:
    text = "row,field,reason,msisdn,code\n7,code,was 0123,1,2\n8,code,was 0124,,\n"
    with open_table(saved(tmp_path, text), COLUMNS) as table:
        rows = [row for row in table.rows() if isinstance(row, Row)]
    assert [(row.note, row.is_empty) for row in rows] == [("was 0123", False), ("was 0124", True)]


def test_open_quote_rejects_the_lines_it_takes_and_no_others(tmp_path: Path) -> None:
    path = saved(tmp_path, HEADER + '1,"2\n3,4\n5,"6"\n7,8\n')
    assert read(path) == [
        (2, "the quotes don't match, so that it takes the lines up to 4"),
        (5, "7", "8"),
    ]


def test_record_of_any_length_takes_bounded_memory(tmp_path: Path) -> None:
    text = '1,"' + "x\n" * RECORD_CHARS_MAX
    bad, *others = read(saved(tmp_path, f"{HEADER}{text}\n9,10\n"))
    assert bad[1].startswith("the quotes don't match, so that it takes the lines up to")
    assert others[-1][1:] == ("9", "10")
    fields = '"\n",' * RECORD_CHARS_MAX
    assert read(saved(tmp_path, f"{HEADER}{fields}\n"))[0][1].startswith("the quotes don't match")


def test_line_longer_than_any_table_has_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path, HEADER + "1," * RECORD_CHARS_MAX)
    with pytest.raises(SetupError, match="line 2 is longer than 65536 characters"):
        read(path)


def test_separator_announced_by_the_first_line(tmp_path: Path) -> None:
    path = saved(tmp_path, "sep=^\r\nmsisdn^code\r\n1^2\r\n")
    assert read(path) == [(3, "1", "2")]
    assert facts(path)["separator"] == "“^”"


def test_a_single_column_needs_no_separator(tmp_path: Path) -> None:
    path = saved(tmp_path, "msisdn\n+79161234567\n+79161234568\n")
    found = read(path, COLUMNS[:1])
    assert found == [(2, "+79161234567"), (3, "+79161234568")]


def test_separator_chosen_by_a_person(tmp_path: Path) -> None:
    assert read(saved(tmp_path, "msisdn:code\n1:2\n"), separator=":") == [(2, "1", "2")]


def test_columns_by_place_need_no_names(tmp_path: Path) -> None:
    path = saved(tmp_path, "x;0123;+79161234567\ny;4567;+79161234568\n")
    mapping = (("msisdn", "#C"), ("code", "#2"))
    assert read(path, mapping=mapping) == [
        (1, "+79161234567", "0123"),
        (2, "+79161234568", "4567"),
    ]
    with pytest.raises(SetupError, match="line 1: --map code=#D, but the row has 3 columns"):
        read(path, mapping=(("msisdn", "#C"), ("code", "#D")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 CANARY", "damaged workbook"),
        (b"\xd0\xcf\x11\xe0 CANARY", "old Excel workbook"),
        (b"%PDF-1.4 CANARY", "a PDF document"),
        (b"\x1f\x8b CANARY", "compressed"),
        (b"  <!DOCTYPE html> CANARY", "web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?> CANARY', "web page or other markup"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"CANARY,CANARY\n", "none of the first 20 lines names the columns msisdn, code"),
        (bytes(range(256)) * 10, "none of the first 20|longer|not UTF|is empty"),
    ],
)
def test_file_that_is_no_such_table_is_one_clear_error(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=said) as caught:
        read(path)
    assert "CANARY" not in str(caught.value)
