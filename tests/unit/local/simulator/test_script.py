"""A fault script: what its file may say, and which PDU a rule means."""

from collections.abc import Sequence

import pytest

from inbound.errors import SetupError
from inbound.local.simulator.faults import NoFaults
from inbound.local.simulator.rules import RuleBook
from inbound.local.simulator.script import Command, parse_script
from inbound.local.simulator.server import Simulator, SimulatorSettings
from tests.unit.local.simulator.tools import rule

# -- the file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[rule]", r"the script: .*line 1"),
        ("speed = 1", "speed: unknown field"),
        (rule("submit_sm", fault='status = "ESME_RTHROTLED"'), r"rule 1, fault.status: .*ESME_RT"),
        (rule("submit_sm", fault='malformed = "odd"'), r"rule 1, fault.malformed: unknown 'odd'"),
        (rule("submit_sm", fault="delay_s = [2, 1]"), "rule 1, fault: delay_s: put the shorter"),
        (rule("submit_sm", fault="delay_s = -1"), "rule 1, fault.delay_s"),
        (rule("submit_sm", fault="taken = false"), "rule 1, fault: taken = false needs"),
        (
            rule("submit_sm", fault='receipt = { state = "GONE" }'),
            "fault.receipt.state: unknown state 'GONE'",
        ),
        (rule("submit_sm", fault='receipt = { dialect = "x" }'), "rule 1, fault.receipt.dialect"),
        (rule("submit_sm", "every = 0"), r"rule 1, match.every"),
        (rule("submit_sm", "probability = 1.5"), r"rule 1, match.probability"),
        (rule("bind", 'source = "79*"'), "rule 1, match: bind has neither source nor destination"),
        (
            rule("deliver_sm", fault="status = 8"),
            "rule 1: fault.status: not allowed for deliver_sm",
        ),
        (rule("unbind"), "rule 1, match.command"),
        (
            rule("bind") + '[[rule]]\nname = "b"\nmatch = { command = "bind" }',
            r'rule 2 \("b"\), fault: is missing',
        ),
    ],
)
def test_an_error_names_the_rule_and_the_field(text: str, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        parse_script(text)


def test_script_and_fault_object_exclude_each_other() -> None:
    with pytest.raises(SetupError, match="can't be combined"):
        Simulator(SimulatorSettings(magic=True), faults=NoFaults())


# -- which PDU ---------------------------------------------------------------------------


def met(script: str, pdus: Sequence[tuple[str, str]], command: Command = "submit_sm") -> str:
    """Return the number of the rule that each PDU meets, "." for none."""
    book = RuleBook(parse_script(script))
    picked = [book.pick(command, "scserv", source, to) for source, to in pdus]
    return "".join(found[0].removeprefix("rule ")[0] if found else "." for found in picked)


TEN = [("SCSERV", "79161234567")] * 10


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ("", "1111111111"),
        ("every = 3", "..1..1..1."),
        ("after = 8", "........11"),
        ("first = 2", "11........"),
        ("after = 1, first = 4, every = 2", "..1.1....."),
        ("probability = 0.0", ".........."),
        ('destination = "7916*"', "1111111111"),
        ('destination = "+7916123456?"', "1111111111"),
        ('destination = "7917*"', ".........."),
        ('source = "OTHER"', ".........."),
        ('account = "scserv"', "1111111111"),
        ('account = "other"', ".........."),
    ],
)
def test_what_a_rule_matches(match: str, expected: str) -> None:
    assert met(rule("submit_sm", match), TEN) == expected


def test_the_first_rule_counts_and_all_of_them_count() -> None:
    script = rule("submit_sm", "every = 2") + rule("submit_sm", "every = 3") + rule("bind")
    assert met(script, TEN) == ".121.1.121"


def test_random_choices_depend_only_on_the_seed() -> None:
    half = rule("submit_sm", "probability = 0.5")
    first, again = (met("seed = 1\n" + half, TEN * 10) for _ in range(2))
    other = met("seed = 2\n" + half, TEN * 10)
    assert first == again != other
    assert 30 < first.count("1") < 70
    # A rule beside it changes nothing about its choices.
    beside = met("seed = 1\n" + half + rule("submit_sm", "probability = 0.3"), TEN * 10)
    assert beside.replace("2", ".") == first
    # And neither draws what the other draws.
    assert "2" in met("seed = 1\n" + half + half, TEN * 10)
