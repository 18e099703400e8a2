"""The schedule of a campaign: every fault in it can be carried out."""

import re
from itertools import islice
from pathlib import Path

from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.script import Attack, Script
from tests.chaos.machines.faults import MachineFaults
from tests.chaos.machines.network import rules_of
from tests.chaos.schedule import (
    ATTACK,
    FAULT_KINDS,
    KINDS_WITH_MACHINES,
    MACHINE_KINDS,
    schedule,
)
from tests.chaos.server_faults import ServerFaults


def test_every_kind_has_an_action() -> None:
    assert ServerFaults.ACTIONS.keys() == FAULT_KINDS.keys()
    assert MachineFaults.ACTIONS.keys() == KINDS_WITH_MACHINES.keys()


def test_every_fault_of_a_network_has_rules() -> None:
    for kind in ("partition", "line"):
        for target in MACHINE_KINDS[kind].targets:
            _, _, how = target.partition(" ")
            assert how == "slow line" or list(rules_of(how))


def test_a_longer_schedule_begins_like_a_shorter_one() -> None:
    assert list(islice(schedule(7), 5)) == list(islice(schedule(7), 50))[:5]
    assert list(islice(schedule(7), 5)) != list(islice(schedule(8), 5))


def test_every_hostile_target_is_an_attack_or_a_rule() -> None:
    attacks = set()
    for target in FAULT_KINDS["hostile"].targets:
        command, what = target.split()
        if command == ATTACK:
            attacks.add(Attack(kind=what).kind)
        else:
            rule = {"match": {"command": command}, "fault": {"hostile": what}}
            assert Script.model_validate({"rule": [rule]}).rule
    assert attacks == ATTACKS.keys()


def test_the_short_campaign_on_machines_has_each_kind_of_theirs() -> None:
    run = (Path(__file__).parents[3] / ".ci" / "run").read_text("utf-8")
    named = re.search(r'kinds="([^"]*)"', run)
    size = re.search(r"MACHINES=3 SEED=(\d+) FAULTS=(\d+)", run)
    assert named
    assert size
    kinds = set(named[1].split(","))
    faults = (fault for fault in schedule(int(size[1]), KINDS_WITH_MACHINES) if fault.kind in kinds)
    first = list(islice(faults, int(size[2])))
    assert {fault.kind for fault in first} == kinds == MACHINE_KINDS.keys()
