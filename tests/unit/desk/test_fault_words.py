"""Why a row of clients is rejected, as a Russian page says it."""

from pathlib import Path

import pytest

from inbound.desk.fault_words import why_rejected
from inbound.desk.words import Words
from inbound.directory.client_rows import CLIENT_COLUMNS, RejectedRow, check_row
from inbound.tables.model import Choices
from inbound.tables.reader import open_table
from inbound.timeline.model import Language

RUSSIAN = Words(Language.RU, "Europe/Moscow")
HEAD = "msisdn;client_id;personal_code;login;password;"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"+79261234567;C-1;1;l;{'p' * 65};", "слишком длинно, символов может быть не больше 64"),
        ("+79261234567;C-1;1;l", "полей 4, а в заголовке 5"),
        (
            "+79261234567;C-1;1;l;p;more",
            "есть содержимое в столбце F без названия: значение могло быть разрезано надвое",
        ),
        ('+79261234567;C-1;1;l;"p;', "непарные кавычки"),
        ('+79261234567;C-1;1;l;"p;\nx', "непарные кавычки: запись продолжается до строки 3"),
        (";C-1;1;l;p;", "пусто"),
    ],
)
def test_the_reason_of_a_row_is_russian(tmp_path: Path, row: str, said: str) -> None:
    path = tmp_path / "clients.csv"
    path.write_text(f"{HEAD}\n{row}\n", "utf-8")
    with open_table(path, CLIENT_COLUMNS, Choices()) as table:
        [checked] = [check_row(one) for one in table.rows()]
    assert isinstance(checked, RejectedRow)
    assert [why_rejected(fault.reason, RUSSIAN) for fault in checked.faults] == [said]


def test_a_reason_without_words_stays_as_it_is() -> None:
    assert why_rejected("a reason of a newer release", RUSSIAN) == "a reason of a newer release"
