"""Columns are found by name or by place, and never by chance."""

from pathlib import Path

import pytest

from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.errors import SetupError
from inbound.tables import columns as columns_module
from inbound.tables.columns import (
    Column,
    Mismatch,
    letter,
    match_header,
    parse_mapping,
    place,
    plain_name,
)
from tests.unit.tables.worlds import COLUMNS, read, saved


@pytest.mark.parametrize(
    "names",
    [
        "msisdn,client_id,personal_code,login,password",
        "MSISDN, Client ID ,Personal-Code,LOGIN,Password:",
        "Телефон,Код клиента,Персональный код,Логин,Пароль",
        "номер  телефона,ID клиента,ПИН-код,Имя входа,пароль*",
        "\ufeffТел.,№ клиента,Личный код,Учётная запись,Пароль клиента".replace("№", "Номер"),
        "Mobile phone,Customer ID,PIN,User name,pwd",
    ],
)
def test_names_in_both_languages(tmp_path: Path, names: str) -> None:
    path = saved(tmp_path, f"{names}\n1,2,3,4,5\n")
    assert read(path, CLIENT_COLUMNS) == [(2, "1", "2", "3", "4", "5")]


def test_no_name_belongs_to_two_columns() -> None:
    names = [plain_name(n) for c in CLIENT_COLUMNS for n in (c.name, *c.aliases)]
    assert len(names) == len(set(names))


def test_any_order_and_other_columns(tmp_path: Path) -> None:
    path = saved(tmp_path, "note,code,,msisdn\nx,2,,1\n")
    assert read(path) == [(2, "1", "2")]


def test_columns_that_we_have_put_before_are_not_those_of_the_table(tmp_path: Path) -> None:
    path = saved(
        tmp_path, "row,state,reason,time,state,msisdn\n7,refused,why,now,Omsk,+79161234567\n"
    )
    columns = (Column("msisdn", ()), Column("state", ()))
    assert read(path, columns) == [(2, "+79161234567", "Omsk")]


def test_header_below_a_title(tmp_path: Path) -> None:
    path = saved(tmp_path, "Report of clients,\n,\nmsisdn,code\n1,2\n")
    assert read(path) == [(4, "1", "2")]


@pytest.mark.parametrize("target", ["Секрет", "секрет ", "#B", "#2", "#b"])
def test_person_names_a_column(tmp_path: Path, target: str) -> None:
    path = saved(tmp_path, "msisdn,Секрет\n1,2\n")
    assert read(path, mapping=parse_mapping([f"code={target}"], COLUMNS)) == [(2, "1", "2")]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("msisdn,телефон,code", "msisdn may be A “msisdn” and B “телефон”"),
        ("msisdn,code,code", "choose with --map code=#B"),
        ("msisdn,x,y", "none of the first 20 lines names the column code;"),
        ("w,x,y", "none of the first 20 lines names the columns msisdn, code;"),
    ],
)
def test_what_is_missing_or_ambiguous_is_an_error(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        read(saved(tmp_path, f"{header}\n1,2,3\n"))


def test_missing_column_lists_the_names_of_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, "msisdn,client_id,personal_code,login,kennwort\n1,2,3,4,5\n")
    with pytest.raises(SetupError, match=r"no column for password; its columns are A “msisdn”, .*"):
        read(path, CLIENT_COLUMNS)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "Телефон,Имья",
            "no column for Имя; its columns are A “Телефон”, B “Имья”; if B “Имья” is",
        ),
        ("Телефон,Имья,Город", "C “Город”; if B “Имья” is Имя, use --map Имя=#B"),
        ("Телефон,Город", "its columns are A “Телефон”, B “Город”; choose with --map Имя=NAME"),
        ("Телефн,Город", "no column for msisdn and Имя; its columns are A “Телефн”, B “Город”"),
    ],
)
def test_an_audience_without_a_column_is_told_its_columns_and_the_nearest(
    tmp_path: Path, header: str, said: str
) -> None:
    columns = (CLIENT_COLUMNS[0], Column("Имя", ()))
    with pytest.raises(SetupError) as error:
        read(saved(tmp_path, f"{header}\n+79161234567,Анна,Омск\n"), columns)
    assert said in str(error.value)


def test_a_first_row_with_a_number_is_not_told(tmp_path: Path) -> None:
    path = saved(tmp_path, "+79161234567,Anna\n+79161234568,Bob\n")
    with pytest.raises(SetupError) as error:
        read(path, (CLIENT_COLUMNS[0], Column("name", ())))
    assert "none of the first 20 lines names the columns msisdn, name" in str(error.value)
    assert "7916" not in str(error.value)


def test_ambiguity_is_resolved_by_a_person(tmp_path: Path) -> None:
    path = saved(tmp_path, "msisdn,телефон,code\n1,2,3\n")
    assert read(path, mapping=(("msisdn", "#B"),)) == [(2, "2", "3")]


def test_two_columns_cannot_be_the_same(tmp_path: Path) -> None:
    path = saved(tmp_path, "msisdn,x\n1,2\n")
    with pytest.raises(SetupError, match="code is A “msisdn”, which is another column already"):
        read(path, mapping=(("msisdn", "#A"), ("code", "msisdn")))


@pytest.mark.parametrize("place_of_login", ["#D", "#E"])
def test_places_of_some_columns_do_not_make_a_client_a_header(
    tmp_path: Path, place_of_login: str
) -> None:
    path = saved(tmp_path, "+79161234567,C1,0123,ivan,hush\n")
    with pytest.raises(SetupError) as caught:
        read(path, CLIENT_COLUMNS, mapping=(("login", place_of_login), ("password", "#E")))
    assert not any(cell in str(caught.value) for cell in ("7916", "C1", "0123", "ivan", "hush"))


@pytest.mark.parametrize("pair", ["code", "code=", "=x", "kode=x", ""])
def test_malformed_mapping_is_an_error(pair: str) -> None:
    with pytest.raises(SetupError, match="write COLUMN=NAME"):
        parse_mapping([pair], COLUMNS)


def test_letters_and_places() -> None:
    for index in (0, 25, 26, 701, 702):
        assert place(f"#{letter(index)}") == place(f"#{index + 1}") == index
    assert [letter(i) for i in (0, 25, 26, 702)] == ["A", "Z", "AA", "AAA"]
    assert [place(text) for text in ("A", "#", "#0", "#A1", "#ABCD")] == [None] * 5


def test_each_name_of_a_header_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table may have thousands of columns, and a text dozens of fields."""
    read_names: list[str] = []

    def reading(name: str) -> str:
        read_names.append(name)
        return plain_name(name)

    monkeypatch.setattr(columns_module, "plain_name", reading)
    names = [f"column {n}" for n in range(2000)]
    wanted = [Column(f"field {n}", ()) for n in range(50)]
    found = match_header(names, wanted, {"field 1": "Column 7", "field 2": "none"}, 1)
    assert isinstance(found, Mismatch)
    assert len(found.missing) == 49
    assert len(read_names) <= len(names) + len(wanted) + 2


def test_few_places_of_a_repeated_name_are_told() -> None:
    found = match_header(["phone"] * 2000, [Column("phone", ())], {}, 1)
    assert isinstance(found, Mismatch)
    assert found.uncertain[0].count("“phone”") == 5
