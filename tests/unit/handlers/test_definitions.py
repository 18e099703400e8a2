"""The definitions of the commands are complete and true. Each failure says what to add."""

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from inbound.handlers.definitions import (
    COMMON_PLANS,
    DEFINITIONS,
    AnnouncedPlanError,
    CommandDefinition,
    Planned,
    definition_of,
    plan,
)
from inbound.handlers.reachable import circumstances, decisions, written_while_announced
from inbound.parsers.commands import parse
from schemas import events
from schemas.events import Command, Completion, Plan, RequestCompleted

FILE = "inbound/handlers/definitions.py"
README = Path(__file__).parents[3] / "README.md"
INFO = definition_of(Command.CLIENT_INFO)
UNREACHED = (
    "; if the planner goes by a field that inbound/handlers/reachable.py doesn't vary, "
    "add it to circumstances()"
)


@pytest.mark.parametrize("command", Command)
def test_every_command_has_a_definition(command: Command) -> None:
    found = [each for each in DEFINITIONS if each.command is command]
    assert len(found) == 1, f"{FILE}: DEFINITIONS needs one CommandDefinition of {command!r}"


@pytest.mark.parametrize("value", Plan)
def test_every_plan_belongs_to_a_command(value: Plan) -> None:
    listed = COMMON_PLANS.union(*(each.plans for each in DEFINITIONS))
    assert value in listed, f"{FILE}: no CommandDefinition lists {value!r} in its plans"


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.command.value)
def test_a_planner_makes_exactly_the_plans_of_its_definition(definition: CommandDefinition) -> None:
    every = circumstances(definition.command)
    made = {definition.planner(state, request, rules).plan for state, request, rules in every}
    if definition.is_accepted:
        made |= {each for each in definition.plans if events.is_announced(each)}
    hint = UNREACHED if definition.plans - made else ""
    assert made == definition.plans, f"{FILE}: plans of {definition.command!r}{hint}"


@pytest.mark.parametrize("value", Plan)
def test_a_refusal_completes_its_request_as_refused(value: Plan) -> None:
    refused = {Plan.UNKNOWN_NUMBER, Plan.INFO_STALE}
    assert value.refuses is (value in refused)


# -- spellings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.command.value)
def test_a_spelling_is_parsed_unless_it_is_only_announced(definition: CommandDefinition) -> None:
    accepted = definition.command if definition.is_accepted else None
    assert parse(definition.spelling) is accepted
    assert " ".join(definition.spelling.split()) == definition.spelling


def test_no_two_commands_are_spelled_alike() -> None:
    assert len({each.spelling.lower() for each in DEFINITIONS}) == len(DEFINITIONS)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.command.value)
def test_the_readme_lists_the_commands_that_are_accepted(definition: CommandDefinition) -> None:
    listed = f"| `{definition.spelling}` |" in README.read_text("utf-8")
    assert listed is definition.is_accepted, f"README.md: the row of {definition.spelling}"


# -- announced values --------------------------------------------------------------------------


def announce(monkeypatch: pytest.MonkeyPatch, *values: StrEnum) -> None:
    """Announce more values than this release does."""
    monkeypatch.setattr(events, "ANNOUNCED", (*events.ANNOUNCED, *values))


def test_no_decision_writes_an_announced_value() -> None:
    assert not written_while_announced()


def test_an_announced_plan_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, Plan.INFO_STALE)
    state, request, policies = next(circumstances(Command.CLIENT_INFO))
    assert plan(state, request, policies).plan is Plan.REGISTRATION
    stale = replace(request, decided_at=request.arrived_at + timedelta(days=1))
    with pytest.raises(AnnouncedPlanError, match="info_stale, which this release only announces"):
        plan(state, stale, policies)
    (problem,) = written_while_announced()
    assert problem.startswith("client_info was planned as info_stale")


def test_an_announced_value_that_results_write_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, Completion.REFUSED)
    assert written_while_announced() == ["<Completion.REFUSED: 'refused'>"]


def test_an_announced_command_is_not_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    announce(monkeypatch, Command.CLIENT_INFO, *INFO.plans)
    assert not INFO.is_accepted
    assert not written_while_announced()


def test_values_of_other_enums_with_the_same_text_are_not_announced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from schemas.messages import Outcome, ReceiptState

    announce(monkeypatch, Outcome.UNKNOWN)
    assert events.is_announced(Outcome.UNKNOWN)
    assert not events.is_announced(ReceiptState.UNKNOWN)


def test_a_planner_that_makes_another_plan_is_found() -> None:
    wrong = replace(INFO, planner=lambda *_: Planned(Plan.STOPPED))
    with pytest.raises(AssertionError, match=r"plans of .*; if the planner goes by a field"):
        test_a_planner_makes_exactly_the_plans_of_its_definition(wrong)


def test_every_completion_is_reached() -> None:
    completions = {
        event.completion
        for definition in DEFINITIONS
        if definition.is_accepted
        for decision in decisions(definition.command)
        for event in decision.events
        if isinstance(event, RequestCompleted)
    }
    assert completions == {each for each in Completion if not events.is_announced(each)}
