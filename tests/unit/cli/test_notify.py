"""`scserv notify` says which option is wrong, and what would be right."""

import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.errors import SetupError

TEXT = ("--text", "Заявка 7 выполнена.")


def complaint(*options: str, phone: str = "+79161234567") -> str:
    ran = CliRunner().invoke(scserv, ["notify", "--phone", phone, *options])
    assert isinstance(ran.exception, SetupError), ran.output
    return str(ran.exception)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "give either --text or --template"),
        ((*TEXT, "--template", "visit"), "give either --text or --template"),
        ((*TEXT, "--field", "a=b"), "--field: fields need a --template"),
        (("--text", ""), "--text: has no visible character; write what to send"),
        (("--text", "a\x1b[2J"), "--text: character 2 is the control character U+001B; remove it"),
        (("--text", "Ж" * 4001), "--text: write what to send, in up to 4000 characters"),
        (("--template", "Визит"), "--template: name a template; `scserv templates list`"),
        (("--template", "visit", "--field", "a"), "--field: write KEY=VALUE"),
        (
            ("--template", "visit", "--field", "a=1", "--field", "a=2"),
            "--field a: is given twice; give it once",
        ),
        (("--template", "visit", "--field", "a=" + 1001 * "b"), "--field: give up to 50 fields"),
        (("--template", "visit", "--field", "a=\x07"), "--field: character 1 is the control"),
        ((*TEXT, "--sender", "Магазин"), "--sender: use up to 11 Latin letters"),
        ((*TEXT, "--account", "Shop"), "--account: name an account; `scserv accounts list`"),
        ((*TEXT, "--once", "a b"), "--once: use up to 255 letters"),
        ((*TEXT, "--hours", "soon"), "--hours soon: write the first and the last minute"),
        ((*TEXT, "--hours", "25:00-26:00"), "--hours 25:00-26:00: write the first"),
        ((*TEXT, "--hours", "10:00-10:00"), "--hours 10:00-10:00: they end when they start"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(
    options: tuple[str, ...], expected: str
) -> None:
    assert complaint(*options).startswith(expected)


def test_a_number_that_is_no_number_is_not_repeated() -> None:
    said = complaint(*TEXT, phone="7" * 41)
    assert said == "--phone: write a number with its country code, like +79161234567"
