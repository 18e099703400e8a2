"""The same clients come out of each file of the corpus, whichever program wrote it."""

from pathlib import Path

import pytest

from inbound.directory.client_rows import CLIENT_COLUMNS, ClientRow, RejectedRow, check_row
from inbound.directory.port import Registration
from inbound.tables.model import Interpretation
from inbound.tables.reader import open_table

CORPUS = Path(__file__).with_name("corpus")
FILES = sorted(path.name for path in CORPUS.iterdir() if path.suffix != ".md")
CLIENTS = [
    ("+79161234567", Registration("C-1001", "0123", "ivanov", 'a;b,"c')),
    ("+79031112233", Registration("C-1002", "5678", "Петрова", "Пароль1")),
    ("+79265554433", Registration("C-1003", "0000", "sidorov", "q1w2e3r4")),
]


def read(name: str) -> tuple[Interpretation, list[ClientRow | RejectedRow]]:
    with open_table(CORPUS / name, CLIENT_COLUMNS) as table:
        return table.understood, [check_row(row) for row in table.rows()]


def test_readme_describes_each_file() -> None:
    readme = (CORPUS / "README.md").read_text("utf-8")
    assert [name for name in FILES if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", FILES)
def test_file_gives_the_clients_and_rejects_the_number_without_a_digit(name: str) -> None:
    _, rows = read(name)
    assert [(r.number, r.registration) for r in rows if isinstance(r, ClientRow)] == CLIENTS
    (bad,) = (row for row in rows if isinstance(row, RejectedRow))
    assert bad.fields() == "msisdn"
    assert bad.row == max(row.row for row in rows)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("excel-csv-1251.csv", {"encoding": "windows-1251", "separator": "semicolon"}),
        ("excel-csv-utf8.csv", {"encoding": "UTF-8 (byte order mark)", "separator": "semicolon"}),
        ("excel-csv-msdos.csv", {"encoding": "CP866"}),
        ("excel-csv-macintosh.csv", {"encoding": "Mac Cyrillic"}),
        ("excel-unicode-text.txt", {"encoding": "UTF-16", "separator": "tab"}),
        ("libreoffice-koi8.csv", {"encoding": "KOI8-R"}),
        ("google-sheets.csv", {"encoding": "UTF-8", "separator": "comma"}),
        ("excel-sep-line.csv", {"separator": "vertical bar"}),
        ("excel.xlsx", {"sheet": "“Лист1”", "other sheets": "“Старые” (hidden), “Лист2”"}),
    ],
)
def test_what_was_understood(name: str, said: dict[str, str]) -> None:
    understood, _ = read(name)
    facts = dict(understood.facts)
    for fact, value in said.items():
        assert facts[fact].startswith(value)
    assert "guess" not in str(facts)


def test_title_above_the_table_is_skipped() -> None:
    understood, rows = read("1c.xlsx")
    assert understood.layout.header_row == 4
    assert rows[0].row == 5
