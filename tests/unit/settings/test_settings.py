"""The order of the sources of a setting, and the texts of its errors."""

import re
from pathlib import Path
from typing import Final

import pytest

from inbound.errors import SetupError
from inbound.settings import load_settings, setting_variables


def test_variable_beats_its_file_beats_toml_beats_a_running_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "scserv.toml"
    config.write_text('sender = "TOML"\n[smpp]\nhost = "toml"\n')
    up = {"sender": "UP", "federal_number": "+70000000000", "smpp": {"host": "up", "port": 1}}
    first = load_settings(config, up)
    assert (first.sender, first.federal_number) == ("TOML", "+70000000000")
    assert (first.smpp.host, first.smpp.port) == ("toml", 1)

    secret = tmp_path / "secret"
    secret.write_text("FILE\n")
    monkeypatch.setenv("SCSERV_SENDER_FILE", str(secret))
    assert load_settings(config, up).sender == "FILE"
    monkeypatch.setenv("SCSERV_SENDER", "ENV")
    monkeypatch.setenv("SCSERV_SMPP__PORT", "2776")
    settings = load_settings(config, up)
    assert (settings.sender, settings.smpp.port, settings.smpp.host) == ("ENV", 2776, "toml")


def test_a_secret_in_a_file_reaches_a_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    monkeypatch.setenv("SCSERV_SMPP__PASSWORD_FILE", str(secret))
    assert load_settings().smpp.password.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        (
            "SCSERV_SMPP__WINDOW",
            "many",
            "SCSERV_SMPP__WINDOW: 'many' is not a whole number from 1 to 10000",
        ),
        (
            "SCSERV_SMPP__PORT",
            "70000",
            "SCSERV_SMPP__PORT: '70000' is not a whole number from 1 to 65535",
        ),
        ("SCSERV_SMPP__RATE", "-1", "SCSERV_SMPP__RATE: '-1' is not a number of at least 0"),
        (
            "SCSERV_KAFKA_PARTITIONS",
            "12",
            "SCSERV_KAFKA_PARTITIONS: '12' is not a multiple of 8",
        ),
        ("SCSERV_PART_WAIT_S", "0", "SCSERV_PART_WAIT_S: '0' is not a number above 0"),
        ("SCSERV_PART_WAIT_S", "nan", "SCSERV_PART_WAIT_S: 'nan' is not a number above 0"),
        ("SCSERV_SMPP__TLS", "perhaps", "SCSERV_SMPP__TLS: 'perhaps' is neither true nor false"),
        (
            "SCSERV_POLICIES__UNKNOWN_NUMBER",
            "shout",
            "SCSERV_POLICIES__UNKNOWN_NUMBER: 'shout' is not one of refuse, silent",
        ),
        (
            "SCSERV_POLICIES__REGISTRATIONS_PER_HOUR",
            "\x1b[2J",
            "SCSERV_POLICIES__REGISTRATIONS_PER_HOUR: '\\x1b[2J' is not a whole number of at least",
        ),
        (
            "SCSERV_FEDERAL_NUMBER",
            "12",
            "SCSERV_FEDERAL_NUMBER: '12' does not fit; expected the number that clients text, as",
        ),
        ("SCSERV_SENDER", "a\udcff", "SCSERV_SENDER: 'a\\udcff' is not UTF-8"),
        ("SCSERV_TIME_ZONE", "Mars", "SCSERV_TIME_ZONE: 'Mars' is not a time zone; use an IANA"),
        ("SCSERV_FOO", "x", "SCSERV_FOO is not a setting; `scserv settings` lists them all"),
        ("SCSERV_DATA_DIR", "x", "SCSERV_DATA_DIR is not a setting; `scserv settings` lists"),
        ("SCSERV_DATABSE_URL", "x", "did you mean SCSERV_DATABASE_URL?"),
        (
            "SCSERV_VAULT_KEY_FILE",
            "/nowhere",
            "SCSERV_VAULT_KEY_FILE: can't read /nowhere: No such file or directory",
        ),
        ("SCSERV_SMPP__PASSWORD", "x" * 13, "SCSERV_SMPP__PASSWORD: has more than 8 characters"),
        ("SCSERV_SMPP__SYSTEM_ID", "x" * 16, "' has more than 15 characters"),
        (
            "SCSERV_SMPP__DATA_CODINGS",
            "4:3",
            "expected data_coding values that mean another one at this SMS centre, like 4=3,0=8",
        ),
    ],
)
def test_an_invalid_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SetupError) as refused:
        load_settings()
    assert complaint in str(refused.value)
    assert not re.search(r"\b(13|16)\b|\[Errno", str(refused.value))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "password_file = '/nowhere'",
            "[[binds]] 2 in {}: password_file: can't read /nowhere: No such file or directory",
        ),
        (
            "password_file = '{long}'",
            "[[binds]] 2 in {}: password_file: {long} has more than 8 characters",
        ),
        ("password = '123456789'", "[[binds]] 2, password in {}: has more than 8 characters"),
        ("hots = 'x'", "[[binds]] 2, hots in {}: unknown setting; did you mean host?"),
    ],
)
def test_an_invalid_setting_of_a_bind_is_named_as_in_the_file(
    tmp_path: Path, line: str, complaint: str
) -> None:
    config, long = tmp_path / "scserv.toml", tmp_path / "long"
    long.write_text("123456789\n")
    config.write_text("[[binds]]\n[[binds]]\nbind = '2'\n" + line.replace("{long}", str(long)))
    with pytest.raises(SetupError) as refused:
        load_settings(config)
    assert str(refused.value) == complaint.replace("{long}", str(long)).format(config)


PYDANTIC: Final = re.compile(r"(Input|String) should|Value error|Extra inputs|validation error")


def refusal(config: Path | None = None) -> str:
    """Return why the settings are refused; nothing if they are not."""
    try:
        load_settings(config)
    except SetupError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("variable", [name for name, _, _ in setting_variables()])
def test_every_error_has_our_own_words(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for value in ("", "x", "-1", "999999999999999999999999", "nan", "1.5", "a\nb"):
        monkeypatch.setenv(variable, value)
        why = refusal()
        assert not why or variable in why
        assert not PYDANTIC.search(why)


@pytest.mark.parametrize("line", ["smpp = 3", "binds = 3", "[smpp]\nport = 'x'", "sender = 3"])
def test_an_error_in_the_file_has_our_own_words(tmp_path: Path, line: str) -> None:
    (config := tmp_path / "scserv.toml").write_text(line)
    assert str(config) in refusal(config)
    assert not PYDANTIC.search(refusal(config))


def test_a_value_from_a_file_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "port").write_text("high\n")
    monkeypatch.setenv("SCSERV_SMPP__PORT_FILE", str(tmp_path / "port"))
    with pytest.raises(SetupError, match=r"^SCSERV_SMPP__PORT_FILE: 'high' is not a whole number"):
        load_settings()


def test_an_error_does_not_repeat_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCSERV_VAULT_KEY", "tooshort-s3cret")
    with pytest.raises(SetupError) as refused:
        load_settings().vault_keys()
    assert "s3cret" not in str(refused.value)
    assert "SCSERV_VAULT_KEY" in str(refused.value)


def test_settings_do_not_show_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCSERV_DATABASE_URL", "postgresql://u:s3cret@h/d")
    monkeypatch.setenv("SCSERV_SMPP__PASSWORD", "s3cret")
    assert "s3cret" not in repr(load_settings())


def test_an_unknown_setting_in_the_file_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "scserv.toml"
    config.write_text("[smpp]\nhots = 'x'\n")
    with pytest.raises(SetupError, match=r"smpp\.hots in .*\): unknown setting; did you mean"):
        load_settings(config)


def test_a_variable_that_has_won_over_the_file_is_named_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "scserv.toml"
    config.write_text("[smpp]\npassword = 'right'\n")
    monkeypatch.setenv("SCSERV_SMPP__PASSWORD", "far-too-long")
    with pytest.raises(SetupError) as refused:
        load_settings(config)
    assert str(refused.value).startswith("SCSERV_SMPP__PASSWORD: has more than 8 characters")
    assert str(config) not in str(refused.value)


def test_all_that_is_wrong_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SCSERV_DATABSE_URL": "postgresql://scserv@db/scserv",
        "SCSERV_SUBJECT_KYE_FILE": "/run/keys/subject.key",
        "SCSERV_VAULT_KEY_FILE": "/nowhere",
        "SCSERV_API__PORT": "high",
    }.items():
        monkeypatch.setenv(name, value)
    (config := tmp_path / "scserv.toml").write_text(
        "sendr = 'A'\nmax_attempts = 0\n[smpp]\nhots = 1"
    )
    assert refusal(config).split("\n") == [
        "SCSERV_DATABSE_URL is not a setting; did you mean SCSERV_DATABASE_URL?",
        "SCSERV_SUBJECT_KYE_FILE is not a setting; did you mean SCSERV_SUBJECT_KEY_FILE?",
        f"--config {config}: sendr is not a setting; did you mean sender?",
        "SCSERV_VAULT_KEY_FILE: can't read /nowhere: No such file or directory",
        f"SCSERV_MAX_ATTEMPTS (max_attempts in {config}): 0 is not a whole number of at least 1",
        f"SCSERV_SMPP__HOTS (smpp.hots in {config}): unknown setting; did you mean host?",
        "SCSERV_API__PORT: 'high' is not a whole number from 0 to 65535",
    ]


def test_a_file_that_cannot_be_read_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCSERV_VAULT_KEY", "too short")
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", "too short, too")
    lines = refusal(Path("/nowhere.toml")).split("\n")
    assert lines[0] == "--config /nowhere.toml: No such file or directory"
    assert [line.partition(":")[0] for line in lines[1:]] == [
        "SCSERV_VAULT_KEY",
        "SCSERV_SUBJECT_KEY",
    ]
    assert all(
        "is not a key. A key is 32 bytes in base64 or 64 hex digits" in one for one in lines[1:]
    )


def test_an_unset_key_is_called_unset() -> None:
    with pytest.raises(SetupError, match="SCSERV_VAULT_KEY is not set"):
        load_settings().vault_keys()


def test_every_setting_has_a_description() -> None:
    for name, field, _ in setting_variables():
        assert field.description, name


@pytest.mark.parametrize(
    ("answers", "receipts", "fits"),
    [
        ("any", "any", True),
        ("hexadecimal", "decimal", True),
        ("decimal", "any", True),
        ("exact", "exact", True),
        ("any", "decimal", False),
        ("exact", "any", False),
        ("decimal", "exact", False),
    ],
)
def test_message_id_forms_that_match_no_receipt_are_refused(
    tmp_path: Path, answers: str, receipts: str, *, fits: bool
) -> None:
    config = tmp_path / "scserv.toml"
    config.write_text(f'[[binds]]\nanswer_ids = "{answers}"\nreceipt_ids = "{receipts}"\n')
    if fits:
        assert load_settings(config).binds[0].receipt_ids == receipts
    else:
        with pytest.raises(SetupError, match="no receipt would find its message"):
            load_settings(config)


def test_binds_of_one_smsc_share_its_dialect(tmp_path: Path) -> None:
    config = tmp_path / "scserv.toml"
    bind = '[[binds]]\ncentre = "{}"\nbind = "{}"\nreceipt_per = "{}"\n'
    config.write_text(bind.format("a", "1", "part") + bind.format("b", "2", "message"))
    assert [one.receipt_per for one in load_settings(config).binds] == ["part", "message"]
    config.write_text(bind.format("a", "1", "part") + bind.format("a", "2", "message"))
    with pytest.raises(SetupError, match="binds of the SMS centre 'a' need the same receipt_per"):
        load_settings(config)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("", {}), ("4=3", {4: 3}), ("4=3,0=8", {4: 3, 0: 8}), ("4=2", None), ("256=3", None)],
)
def test_data_codings_map_to_text_codings(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: dict[int, int] | None
) -> None:
    monkeypatch.setenv("SCSERV_SMPP__DATA_CODINGS", value)
    if expected is None:
        with pytest.raises(SetupError, match="a text coding"):
            load_settings()
    else:
        assert load_settings().smpp.data_coding_map == expected
