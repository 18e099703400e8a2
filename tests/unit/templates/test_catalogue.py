"""Texts are word for word the instruction's, and a bad templates file is refused at start."""

import logging
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.handlers.definitions import TEMPLATE_FIELDS
from inbound.smpp.segmentation import part_count
from inbound.templates.catalogue import Catalogue, load_catalogue
from schemas.events import Plan, is_announced

BUILT_IN = Path(__file__).parents[3] / "inbound/templates/default.toml"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = BUILT_IN.read_text("utf-8")
    assert old in text
    path = tmp_path / "templates.toml"
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_every_reply_has_a_built_in_template() -> None:
    missing = TEMPLATE_FIELDS.keys() - load_catalogue(None, part_count)
    assert not missing, f"add to inbound/templates/default.toml: {missing}"


def test_the_acknowledgement_is_that_of_the_instruction_in_one_part() -> None:
    text = load_catalogue(None, part_count)["acknowledgement"].render({})
    assert text == ("Ваша заявка принята. Дождитесь СМС-уведомления об исполнении запроса.")
    assert len(text) == 69
    assert part_count(text) == 1


def test_the_registration_is_that_of_the_instruction() -> None:
    fields = {"personal_code": "1234", "login": "ivanov", "password": "1a2b3c4d"}
    text = load_catalogue(None, part_count)["registration"].render(fields)
    assert text == (
        "ЦЕНТР РЕГИСТРАЦИИ. Персональный код: 1234. КЛИЕНТСКИЙ ПОРТАЛ: имя входа: ivanov, "
        "пароль: 1a2b3c4d. Никому не сообщайте свои регистрационные данные."
    )
    assert part_count(text) == 3


def test_every_other_reply_is_one_part_of_at_most_70_characters() -> None:
    built_in = load_catalogue(None, part_count)
    assert [name for name in built_in if len(built_in[name].text) > 70] == ["registration"]


@pytest.mark.parametrize(
    ("name", "says", "reverses"),
    [("stopped", "отключены", "CLIENT sms start"), ("started", "включены", "CLIENT sms stop")],
)
def test_stop_and_start_say_what_is_so_now_and_how_to_reverse_it(
    name: str, says: str, reverses: str
) -> None:
    text = load_catalogue(None, part_count)[name].text
    assert says in text
    assert reverses in text


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("{login}", "{logn}", "no field {logn} here; its fields are: login, password"),
        ("{login}", "{login!r}", "a plain name in braces"),
        ("{login}", "{login", "text:"),
        ("max_parts = 5", "max_parts = 4", "could need 5 SMS parts and may have 4"),
        ('unknown = "resend"', 'unknown = "maybe"', "unknown: has to be resend or drop"),
        ("max_parts = 1", "parts = 1", "max_parts: is missing"),
        ("[acknowledgement]", "[acknowledgement", "not a TOML file"),
    ],
)
def test_a_bad_templates_file_is_refused(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(SetupError, match="templates") as refused:
        load_catalogue(path, part_count)
    assert complaint in str(refused.value)


def test_a_field_in_a_text_that_has_none_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "принята.", "принята, {login}.")
    with pytest.raises(SetupError, match="its fields are: none"):
        load_catalogue(path, part_count)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"nowhere\.toml: No such file"):
        load_catalogue(tmp_path / "nowhere.toml", part_count)


def test_a_file_of_the_release_before_gets_the_built_in_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "templates.toml"
    path.write_text('[stopped]\ntext = "Отключено."\nmax_parts = 1\nunknown = "drop"\n', "utf-8")
    built_in, catalogue = load_catalogue(None, part_count), load_catalogue(path, part_count)
    assert set(catalogue) == set(built_in)
    assert catalogue["stopped"].text == "Отключено."
    assert catalogue["started"] == built_in["started"]
    warnings = [record.getMessage() for record in caplog.records]
    assert f"{path} has no template [started]: the built-in text is sent" in warnings
    wanted = set(built_in) - {"stopped"} - {plan.value for plan in Plan if is_announced(plan)}
    assert len(warnings) == len(wanted)


def test_a_file_of_the_next_release_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = changed(tmp_path, "[stopped]", '[of_tomorrow]\ntext = "{new}"\n\n[stopped]')
    assert "of_tomorrow" not in load_catalogue(path, part_count)
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "this release sends no template [of_tomorrow]" in warning.getMessage()


def test_an_incomplete_catalogue_is_refused() -> None:
    with pytest.raises(SetupError, match=r"default\.toml: add a template \[acknowledgement\]"):
        Catalogue({}).require_complete()
