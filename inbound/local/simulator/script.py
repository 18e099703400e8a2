"""Fault scripts: rules that select PDUs and the faults to inject. See docs/SIMULATOR.md.

The same script, seed and order of PDUs give the same faults.
"""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from inbound.errors import SetupError
from inbound.local.simulator import _toml
from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.dialects import DIALECTS, ReceiptDialect, ReceiptPlan
from inbound.local.simulator.habits import HABITS
from inbound.local.simulator.hostile_values import HOSTILE
from inbound.local.simulator.malformed import MALFORMED
from inbound.smpp.status import Status

Command = Literal["submit_sm", "deliver_sm", "receipt", "bind", "enquire_link", "query_sm"]

_ANSWERED: Final = {"delay_s", "no_answer", "status", "cut", "malformed"}
_DELIVERED: Final = {"delay_s", "no_answer", "cut", "malformed", "duplicate", "habit", "hostile"}
# The fields of a fault that are allowed for each command.
_FIELDS: Final[dict[Command, set[str]]] = {
    "submit_sm": _ANSWERED
    | {"taken", "duplicate", "slow_reading_s", "receipt", "habit", "hostile"},
    "deliver_sm": _DELIVERED,
    "receipt": _DELIVERED,
    "bind": _ANSWERED | {"habit", "hostile"},
    "enquire_link": _ANSWERED | {"duplicate"},
    "query_sm": _ANSWERED | {"duplicate", "hostile"},
}


def _status(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in Status.__members__:
        return int(Status[value])
    near = difflib.get_close_matches(value, Status.__members__, 1)
    raise ValueError(f"unknown status {value!r}" + (f"; did you mean {near[0]}?" if near else ""))


def _malformed(value: object) -> object:
    return _one_of(MALFORMED, value)


def _habit(value: object) -> object:
    return _one_of(HABITS, value)


def _hostile(value: object) -> object:
    return _one_of(HOSTILE, value)


def _attack(value: object) -> object:
    return _one_of(ATTACKS, value)


def _one_of(names: Collection[str], value: object) -> object:
    if value and value not in names:
        raise ValueError(f"unknown {value!r}; choose one of {', '.join(names)}")
    return value


def _range(value: object) -> object:
    return (value, value) if isinstance(value, int | float) else value


Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Fault(BaseModel):
    """The fault of one PDU. Fields that are not set change nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_s: Annotated[tuple[Seconds, Seconds], BeforeValidator(_range)] = Field(
        default=(0.0, 0.0), description="seconds, or a range of them"
    )
    no_answer: bool = Field(
        default=False, description="no answer; for a deliver_sm: its answer is ignored"
    )
    status: Annotated[int, BeforeValidator(_status), Field(ge=0, le=0xFFFFFFFF)] = Field(
        default=0, description="the answer's command_status, by name or number"
    )
    cut: Literal["", "before", "middle", "after"] = Field(
        default="", description="cut the link before, in the middle of or after the PDU due"
    )
    taken: bool = Field(default=True, description="whether the message is accepted anyway")
    duplicate: bool = Field(default=False, description="the PDU due is sent twice")
    malformed: Annotated[str, BeforeValidator(_malformed)] = Field(
        default="", description="malformed PDU sent instead of the answer, or before our PDU"
    )
    habit: Annotated[str, BeforeValidator(_habit)] = Field(
        default="", description="the PDU due bends the specification"
    )
    hostile: Annotated[str, BeforeValidator(_hostile)] = Field(
        default="", description="a value in the PDU due that attacks the client"
    )
    slow_reading_s: Seconds = Field(default=0.0, description="read nothing for this long")
    receipt: ReceiptPlan | None = Field(default=None, description="changes to its receipt")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.delay_s[0] > self.delay_s[1]:
            raise ValueError("delay_s: put the shorter delay first")
        if not self.taken and not (self.status or self.no_answer or self.cut):
            raise ValueError("taken = false needs no_answer, cut or status as well")
        if self.malformed and (self.no_answer or self.cut == "middle"):
            raise ValueError('malformed can\'t be combined with no_answer or cut = "middle"')
        return self


class Match(BaseModel):
    """The PDUs that a rule matches. Addresses as on the wire, without a plus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Command
    account: str = Field(default="", description="system_id of the account")
    source: str = Field(default="", description="pattern with * and ?")
    destination: str = Field(default="", description="pattern with * and ?")
    after: int = Field(default=0, ge=0, description="skip the first n")
    first: int = Field(default=0, ge=0, description="then only the first n; 0: all")
    every: int = Field(default=1, ge=1, description="every nth of those")
    probability: float = Field(default=1.0, ge=0, le=1, description="probability for each of those")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.command in {"bind", "enquire_link"} and (self.source or self.destination):
            raise ValueError(f"{self.command} has neither source nor destination")
        if self.command == "query_sm" and self.destination:
            raise ValueError("query_sm has no destination")
        return self


class Rule(BaseModel):
    """A match, and the fault of the PDUs it selects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", description="for the ledger and for error messages")
    match: Match
    fault: Fault

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unfit = sorted(self.fault.model_fields_set - _FIELDS[self.match.command])
        if unfit:
            raise ValueError(f"fault.{unfit[0]}: not allowed for {self.match.command}; remove it")
        habit, hostile = self.fault.habit, self.fault.hostile
        if habit and self.match.command not in HABITS[habit]:
            commands = ", ".join(sorted(HABITS[habit]))
            raise ValueError(f"fault.habit: {habit} is a habit of {commands}")
        if hostile and self.match.command not in HOSTILE[hostile]:
            commands = ", ".join(sorted(HOSTILE[hostile]))
            raise ValueError(f"fault.hostile: {hostile} is a value in {commands}")
        return self


class Attack(BaseModel):
    """PDUs that nobody asked for, sent to each link of an account once it is bound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, BeforeValidator(_attack)] = Field(description="the kind of attack")
    account: str = Field(default="", description="system_id of the account; all if empty")
    after_s: Seconds = Field(default=0.0, description="seconds from the bind to the first PDU")
    count: int = Field(default=20_000, ge=1, le=10_000_000, description="PDUs")
    per_second: float = Field(
        default=0.0, ge=0, description="PDUs (or octets) a second; 0: as fast as they are read"
    )
    phones: int = Field(default=0, ge=0, description="different phones; 0: each PDU another")
    source: str = Field(default="", max_length=20, description="the phone, if it is always this")


class Script(BaseModel):
    """A fault script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, description="seed of all random choices")
    rule: tuple[Rule, ...] = Field(default=(), description="rules; the first that applies counts")
    attack: tuple[Attack, ...] = Field(default=(), description="attacks on every link")
    dialect: dict[str, ReceiptDialect] = Field(
        default_factory=dict, description="additional receipt dialects"
    )

    def model_post_init(self, _context: Any, /) -> None:  # noqa: ANN401 — pydantic's signature
        """Check that rules name existing dialects."""
        for number, rule in enumerate(self.rule, 1):
            receipt = rule.fault.receipt
            if receipt and receipt.dialect and receipt.dialect not in self.dialects:
                known = ", ".join(self.dialects)
                name = f' ("{rule.name}")' if rule.name else ""
                raise ValueError(
                    f"rule {number}{name}, fault.receipt.dialect: unknown dialect"
                    f" {receipt.dialect!r}; choose one of {known}"
                )

    @property
    def dialects(self) -> dict[str, ReceiptDialect]:
        """The built-in dialects and the script's own."""
        return DIALECTS | self.dialect


def with_hostility(script: Script, names: Collection[str]) -> Script:
    """Return the script with these hostile values and attacks after its own rules.

    Values of the same command take turns. Raises `SetupError` for an unknown name.
    """
    known = (*HOSTILE, *ATTACKS)
    for name in names:
        if name not in known:
            raise SetupError(f"--hostile {name}: choose one of {', '.join(known)}")
    rules = []
    for command in _FIELDS:
        values = [name for name in names if command in HOSTILE.get(name, ())]
        rules += [
            Rule(
                name=f"hostile {name}",
                match=Match(command=command, after=turn, every=len(values)),
                fault=Fault(hostile=name),
            )
            for turn, name in enumerate(values)
        ]
    attacks = [Attack(kind=name) for name in names if name in ATTACKS]
    return script.model_copy(
        update={"rule": (*script.rule, *rules), "attack": (*script.attack, *attacks)}
    )


def load_script(path: Path) -> Script:
    """Load a script. Blocks. Raises `SetupError` that names the rule and the field."""
    return _toml.load(path, Script)


def parse_script(text: str, name: str = "the script") -> Script:
    """Parse the text of a script. Raises as `load_script` does."""
    return _toml.parse(text, Script, name)
