"""An encoding is certain, or what depends on it is refused."""

from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.tables.cells import CellError, read_text
from inbound.tables.encodings import find_encodings
from inbound.tables.model import CellKind, Choices, Row
from inbound.tables.reader import open_table
from tests.unit.tables.worlds import COLUMNS, facts, read, saved

RUSSIAN = "Телефон;Персональный код\n+79161234567;{}\n"
ENGLISH = "msisdn;code\n+79161234567;{}\n"
PAGES = ["cp1251", "cp866", "mac_cyrillic", "koi8_r"]


def code(path: Path, **choices: str) -> str:
    """Return the code of the only row, or raise CellError."""
    with open_table(path, COLUMNS, Choices(**choices)) as table:  # type: ignore[arg-type]
        (row,) = table.rows()
    assert isinstance(row, Row)
    return read_text(row.cells[1])


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", *PAGES]
)
def test_russian_names_make_each_encoding_certain(tmp_path: Path, encoding: str) -> None:
    path = saved(tmp_path, RUSSIAN.format("Эхо-яма"), encoding)
    assert code(path) == "Эхо-яма"
    assert "guess" not in facts(path)["encoding"]


def test_zero_byte_in_a_field_makes_no_other_encoding(tmp_path: Path) -> None:
    assert code(saved(tmp_path, ENGLISH.format("12\0"))) == "12\0"


@pytest.mark.parametrize("encoding", [*PAGES, "koi8_u", "cp1125"])
@pytest.mark.parametrize("written", ["Ярослав Щукин", "пар№", "пароль№10", "ухх"])
def test_no_word_makes_a_code_page_certain(tmp_path: Path, encoding: str, written: str) -> None:
    content = ENGLISH.format(written).encode(encoding, "ignore")
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(CellError, match="encoding"):
        code(path)
    assert "a guess" in facts(path)["encoding"]


def test_names_that_two_code_pages_read_make_neither_certain(tmp_path: Path) -> None:
    """The small letters of windows-1251 and Mac Cyrillic are the same bytes, their № is not."""
    rows = "телефон;персональный код\n+79161234567;пароль№10\n" + "+79161234568;номер\n" * 50
    with open_table(saved(tmp_path, rows, "cp1251"), COLUMNS) as table:
        first, second, *_ = (row for row in table.rows() if isinstance(row, Row))
    with pytest.raises(CellError, match="encoding"):
        read_text(first.cells[1])
    assert read_text(second.cells[1]) == "номер"


def test_letter_that_a_related_code_page_reads_differently_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, RUSSIAN.format("київ"), "koi8_u")
    with pytest.raises(CellError, match="encoding"):
        code(path)
    assert code(path, encoding="koi8_u") == "київ"


@pytest.mark.parametrize("encoding", PAGES)
def test_word_that_another_code_page_reads_as_well_is_refused(
    tmp_path: Path, encoding: str
) -> None:
    path = saved(tmp_path, ENGLISH.format("ухх"), encoding)
    with pytest.raises(CellError, match="encoding"):
        code(path)
    assert "a guess" in facts(path)["encoding"]
    assert code(path, encoding=encoding) == "ухх"


@pytest.mark.parametrize("name", ["windows-1251", "cp1251", "WINDOWS-1251"])
def test_person_names_the_encoding(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path, ENGLISH.format("ухх"), "cp1251")
    assert code(path, encoding=name) == "ухх"
    assert facts(path, encoding=name)["encoding"] == "windows-1251 (chosen by --encoding)"


def test_ascii_in_a_file_of_unknown_encoding_is_certain(tmp_path: Path) -> None:
    text = "msisdn;code;note\n+79161234567;0123;Müller\n"
    assert code(saved(tmp_path, text, "cp1252")) == "0123"


@pytest.mark.parametrize("name", ["latin-99", "rot13", "base64"])
def test_unknown_encoding_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match=f"--encoding {name}: no such encoding"):
        read(saved(tmp_path, ENGLISH), encoding=name)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\xef\xbb\xbfmsisdn,code\n+79161234567,1\n+79161234567,\xff\n", 3),
        ("msisdn,code\n+79161234567,1\n".encode("utf-16") + b"\x00\xd8,", 3),
    ],
)
def test_byte_that_the_encoding_lacks_is_named_by_its_line(
    tmp_path: Path, content: bytes, line: int
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(
        SetupError, match=f"line {line} has a byte 0x.., which is not UTF-"
    ) as error:
        read(path)
    assert error.value.__context__ is None


def test_kind_of_a_guessed_cell(tmp_path: Path) -> None:
    with open_table(saved(tmp_path, ENGLISH.format("ухх"), "cp1251"), COLUMNS) as table:
        (row,) = table.rows()
    assert isinstance(row, Row)
    assert [cell.kind for cell in row.cells] == [CellKind.PRINTED, CellKind.GUESSED]


def test_a_long_word_of_ascii_takes_no_longer_to_guess(tmp_path: Path) -> None:
    file = tmp_path / "clients.csv"
    file.write_bytes(b"a" * 200_000 + "1;ж\n".encode("cp1251"))
    with file.open("rb") as read_from:
        assert "cp1251" in {one.codec for one in find_encodings(read_from)}
