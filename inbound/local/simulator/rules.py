"""Selects the rule of a script for a PDU. No IO, no clock; randomness from the seed."""

import random
import re
from fnmatch import translate

from inbound.local.simulator.script import Command, Fault, Rule, Script


class _CountedRule:
    """A rule and its count of PDUs.

    Each rule has its own random generator, so that rules don't influence each other.
    """

    def __init__(self, number: int, rule: Rule, seed: int) -> None:
        self.label = f"rule {number}" + (f" ({rule.name})" if rule.name else "")
        self.rule = rule
        self._rng = random.Random(f"{seed}/{number}")  # noqa: S311 — reproducible, not secret
        self._source = re.compile(translate(rule.match.source.lstrip("+") or "*"))
        self._destination = re.compile(translate(rule.match.destination.lstrip("+") or "*"))
        self._seen = 0

    def applies(self, account: str, source: str, destination: str) -> bool:
        match = self.rule.match
        if match.account not in {"", account}:
            return False
        if not (self._source.match(source) and self._destination.match(destination)):
            return False
        number = self._seen - match.after
        self._seen += 1
        if number < 0 or (match.first and number >= match.first):
            return False
        if (number + 1) % match.every:
            return False
        return match.probability == 1.0 or self._rng.random() < match.probability


class RuleBook:
    """The rules of a script, by command."""

    def __init__(self, script: Script) -> None:
        self._rules: dict[Command, list[_CountedRule]] = {}
        for number, rule in enumerate(script.rule, 1):
            counted = _CountedRule(number, rule, script.seed)
            self._rules.setdefault(rule.match.command, []).append(counted)

    def has(self, command: Command) -> bool:
        """Whether any rule is for this command."""
        return command in self._rules

    def pick(
        self, command: Command, account: str, source: str = "", destination: str = ""
    ) -> tuple[str, Fault] | None:
        """Return name and fault of the first rule that applies.

        Every rule counts all PDUs that match it, even if an earlier rule applies.
        """
        picked = None
        for counted in self._rules.get(command, ()):
            if counted.applies(account, source.lstrip("+"), destination.lstrip("+")):
                picked = picked or (counted.label, counted.rule.fault)
        return picked
