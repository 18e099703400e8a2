"""Texts are compared without anybody's data."""

from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.replay.diff.texts import describe
from tests.unit.templates.test_catalogue import BUILT_IN as FILE

GSM = "gsm0338"
BUILT_IN = FILE.read_text("utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in BUILT_IN
    path = folder / "texts.toml"
    path.write_text(BUILT_IN.replace(old, new), "utf-8")
    return path


def test_the_built_in_texts() -> None:
    texts = describe(None, GSM)
    assert texts["acknowledgement"].parts == 1
    assert texts["registration"].fields == ("personal_code", "login", "password")
    assert texts["registration"].parts == 3
    assert "{password}" in texts["registration"].text


def test_a_field_that_is_gone_shows(tmp_path: Path) -> None:
    texts = describe(changed(tmp_path, ", пароль: {password}", ""), GSM)
    assert texts["registration"].fields == ("personal_code", "login")


def test_the_alphabet_counts(tmp_path: Path) -> None:
    # A registration in Latin letters: placeholders must not make it UCS-2.
    path = tmp_path / "texts.toml"
    text = BUILT_IN.split("[registration]")[1].split('text = "')[1].split('"')[0]
    path.write_text(
        BUILT_IN.replace(text, "{personal_code} {login} {password}" + "x" * 130), "utf-8"
    )
    assert describe(path, GSM)["registration"].parts == 1


def test_what_the_catalogue_refuses_is_one_line(tmp_path: Path) -> None:
    path = changed(tmp_path, "{login}", "{surname}")
    with pytest.raises(SetupError, match=rf"{path}.*no field {{surname}} here"):
        describe(path, GSM)
