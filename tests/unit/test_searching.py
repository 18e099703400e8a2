"""The search for canaries finds them in whatever form they stand, planted one by one."""

from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import searching
from tests.canaries import Canaries
from tests.searching import files_in, in_file, octets_of_record, octets_of_row

SECRET, NUMBER = "parol-canary-7", "+79255550133"
CANARIES = Canaries("parol-canary", "7925555")
MIB = 1024 * 1024

FORMS = {
    "as it is": b'{"password": "parol-canary-7"}',
    "a number": b"<tel:+79255550133>",
    "UTF-16 of SMPP": "Пароль: parol-canary-7".encode("utf-16-be"),
    "UTF-16 of Windows": SECRET.encode("utf-16-le"),
    "hex": SECRET.encode().hex().encode(),
    "hex in capitals": SECRET.encode().hex().upper().encode(),
    "hex of UTF-16": SECRET.encode("utf-16-be").hex().encode(),
    "base64": b64encode(b"x parol-canary-7 y"),
    "base64 of UTF-16": b64encode("xy parol-canary-7".encode("utf-16-be")),
    "base64 for URLs": urlsafe_b64encode("ы?~ parol-canary-7 ы".encode()),
    "base64 of a number": b64encode(b"{+79255550133}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(form: str) -> None:
    assert CANARIES.sing_in(FORMS[form])


@pytest.mark.parametrize("shift", range(3))
def test_base64_is_found_wherever_its_groups_begin(shift: int) -> None:
    assert CANARIES.sing_in(b64encode(b"." * shift + SECRET.encode()))


def test_what_is_none_is_not_found() -> None:
    assert not CANARIES.sing_in(b"parol-kanarejka 7912345 PAROL-CANARY" + bytes(1000))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("offset", [0, 50, MIB - 5, 2 * MIB - 5])
def test_a_file_is_searched_across_its_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, offset: int
) -> None:
    monkeypatch.setattr(searching, "CHUNK", MIB)
    path = tmp_path / "worker.log"
    path.write_bytes(b"." * offset + FORMS[form] + b"." * 10)
    assert in_file(path, CANARIES)


def test_short_reads_do_not_hide_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "CHUNK", 5)
    path = tmp_path / "file"
    path.write_bytes(b"INFO worker: " + SECRET.encode() + b" is the password\n")
    assert in_file(path, CANARIES)


@pytest.mark.parametrize("offset", [0, 3, 8191, 8192, 3 * 8192 - 5, 3 * 8192])
def test_pages_of_zeros_hide_none(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "000000010000000000000001"
    path.write_bytes(bytes(offset) + SECRET.encode("utf-16-be") + bytes(5 * 8192))
    assert in_file(path, CANARIES)


def test_holes_are_skipped_and_what_stands_behind_them_is_found(tmp_path: Path) -> None:
    path = tmp_path / "00000000.index"
    with path.open("wb") as file:
        file.seek(40 * MIB)
        file.write(SECRET.encode())
        file.truncate(80 * MIB)
    assert path.stat().st_blocks * 512 < MIB, "no hole"
    assert in_file(path, CANARIES)


def test_empty_files_hold_none_and_those_that_went_neither(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(MIB)
    assert not any(in_file(path, CANARIES) for path in files_in(tmp_path))
    assert not in_file(tmp_path / "gone", CANARIES)


def test_hidden_files_and_folders_are_searched(tmp_path: Path) -> None:
    path = tmp_path / ".cache" / "pgsql_tmp" / ".core"
    path.parent.mkdir(parents=True)
    path.write_bytes(SECRET.encode())
    assert list(files_in(tmp_path)) == [path]


RECORDS = {
    "key": (NUMBER.encode(), b"{}", []),
    "value": (None, SECRET.encode(), []),
    "header": (b"k", None, [("ce_subject", NUMBER.encode())]),
    "header's name": (b"k", b"{}", [(SECRET, b"")]),
    "second header": (b"k", b"{}", [("a", None), ("b", SECRET.encode("utf-16-be"))]),
}


@pytest.mark.parametrize("place", RECORDS)
def test_every_part_of_a_record_is_searched(place: str) -> None:
    key, value, headers = RECORDS[place]
    record = SimpleNamespace(key=key, value=value, headers=headers)
    assert CANARIES.sing_in(octets_of_record(record))


ROWS = {
    "text": (1, f"told {NUMBER}"),
    "bytea": (b"\0\1" + SECRET.encode("utf-16-be"),),
    "memoryview": (memoryview(SECRET.encode()),),
    "jsonb": ({"data": [{"to": NUMBER}]},),
    "a name in jsonb": ({"data": {SECRET: None}},),
    "an array of bytea": ([b"\0", SECRET.encode("utf-16-le")],),
    "a number as a number": (79255550133,),
}


@pytest.mark.parametrize("kind", ROWS)
def test_every_kind_of_column_is_searched(kind: str) -> None:
    assert CANARIES.sing_in(octets_of_row(ROWS[kind]))
