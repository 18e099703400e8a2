"""docs/SIMULATOR.md says what the code does: its scripts, tables and options."""

import re
import textwrap
import tomllib
from pathlib import Path

import pytest

from inbound.cli.simulator import simulator
from inbound.local.simulator.accounts import AccountsFile
from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.dialects import DIALECTS, ReceiptDialect, ReceiptPlan
from inbound.local.simulator.habits import HABITS
from inbound.local.simulator.hostile_values import HOSTILE
from inbound.local.simulator.magic import MAGIC
from inbound.local.simulator.malformed import MALFORMED
from inbound.local.simulator.script import Attack, Fault, Match, parse_script

MANUAL = (Path(__file__).parents[4] / "docs" / "SIMULATOR.md").read_text("utf-8")
FILES = re.findall(r"^    cat > (\S+) <<'END'\n(.*?)^    END$", MANUAL, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    found = re.search(rf"^##+ {title}\n(.*?)(?=^##|\Z)", MANUAL, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(title: str) -> list[str]:
    """Return the names in the first column of a section's table."""
    cells = re.findall(r"^\| (`.+?) \|", section(title), re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w[\w-]*)", cell)]


def test_every_magic_number_and_no_other() -> None:
    numbers = re.findall(r"^\| `(99\d{3})` \| (.+?) \|$", MANUAL, re.MULTILINE)
    assert dict(numbers) == {digits: magic.meaning for digits, magic in MAGIC.items()}


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("match", Match.model_fields.keys()),
        ("fault", Fault.model_fields.keys()),
        ("receipt", ReceiptPlan.model_fields.keys()),
        ("dialects", DIALECTS.keys()),
        ("habits", HABITS.keys()),
        ("hostile values", HOSTILE.keys()),
        ("attacks", ATTACKS.keys()),
        ("malformed PDUs", MALFORMED.keys()),
    ],
)
def test_each_table_has_each_name(title: str, names: set[str]) -> None:
    assert sorted(rows(title)) == sorted(names)


def test_its_files_can_be_read() -> None:
    (script_name, script), (accounts_name, accounts) = FILES
    assert (script_name, accounts_name) == ("bad-day.toml", "accounts.toml")
    assert len(parse_script(textwrap.dedent(script)).rule) == 3
    assert len(AccountsFile(**tomllib.loads(textwrap.dedent(accounts))).account) == 2


def test_the_dialect_of_ones_own_shows_the_defaults() -> None:
    [text] = re.findall(r"(^    \[dialect.mine\]\n(?:    .+\n)+)", MANUAL, re.MULTILINE)
    script = parse_script(textwrap.dedent(text))
    assert script.dialect["mine"] == ReceiptDialect()
    assert script.dialect["mine"].model_fields_set == ReceiptDialect.model_fields.keys()


def test_the_attack_shows_every_field() -> None:
    [text] = re.findall(r"(^    \[\[attack\]\]\n(?:    .+\n)+)", MANUAL, re.MULTILINE)
    [attack] = parse_script(textwrap.dedent(text)).attack
    assert attack.model_fields_set == Attack.model_fields.keys()


def test_every_option_it_names_exists() -> None:
    known = {name for option in simulator.params for name in option.opts} | {"--help"}
    assert set(re.findall(r"--[a-z][a-z-]+", MANUAL)) <= known
