"""A fault script: rules that say which PDU meets which fault. docs/SIMULATOR.md explains it.

The same script, seed and order of PDUs give the same faults.
"""

import difflib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from inbound.local.simulator import _toml
from inbound.local.simulator.dialects import DIALECTS, ReceiptDialect, ReceiptPlan
from inbound.local.simulator.malformed import MALFORMED
from inbound.smpp.status import Status

Command = Literal["submit_sm", "deliver_sm", "receipt", "bind", "enquire_link", "query_sm"]

_ANSWERED: Final = {"delay_s", "no_answer", "status", "cut", "malformed"}
# Which fields of a fault make sense for which command.
_FIELDS: Final[dict[Command, set[str]]] = {
    "submit_sm": _ANSWERED | {"taken", "duplicate", "slow_reading_s", "receipt"},
    "deliver_sm": {"delay_s", "no_answer", "cut", "malformed", "duplicate"},
    "receipt": {"delay_s", "no_answer", "cut", "malformed", "duplicate"},
    "bind": _ANSWERED,
    "enquire_link": _ANSWERED | {"duplicate"},
    "query_sm": _ANSWERED | {"duplicate"},
}


def _status(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in Status.__members__:
        return int(Status[value])
    near = difflib.get_close_matches(value, Status.__members__, 1)
    raise ValueError(f"{value!r} is no status" + (f"; is it {near[0]}?" if near else ""))


def _malformed(value: object) -> object:
    if value and value not in MALFORMED:
        raise ValueError(f"{value!r} is not in the catalogue: {', '.join(MALFORMED)}")
    return value


def _range(value: object) -> object:
    return (value, value) if isinstance(value, int | float) else value


Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Fault(BaseModel):
    """What goes wrong with one PDU. What is not said goes as ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay_s: Annotated[tuple[Seconds, Seconds], BeforeValidator(_range)] = Field(
        default=(0.0, 0.0), description="seconds, or a range of them"
    )
    no_answer: bool = Field(default=False, description="no answer; of ours: theirs is not heeded")
    status: Annotated[int, BeforeValidator(_status), Field(ge=0, le=0xFFFFFFFF)] = Field(
        default=0, description="the answer's command_status, by name or number"
    )
    cut: Literal["", "before", "middle", "after"] = Field(
        default="", description="the link ends before, in the middle of or after the PDU due"
    )
    taken: bool = Field(default=True, description="whether the message is taken all the same")
    duplicate: bool = Field(default=False, description="the PDU due goes twice")
    malformed: Annotated[str, BeforeValidator(_malformed)] = Field(
        default="", description="what leaves in place of the answer, or before our own PDU"
    )
    slow_reading_s: Seconds = Field(default=0.0, description="nothing is read for so long")
    receipt: ReceiptPlan | None = Field(default=None, description="what becomes of its receipt")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.delay_s[0] > self.delay_s[1]:
            raise ValueError("delay_s: the range runs from the shorter to the longer")
        if not self.taken and not (self.status or self.no_answer or self.cut):
            raise ValueError("taken = false needs no_answer, cut or status: it can't be answered")
        if self.malformed and (self.no_answer or self.cut == "middle"):
            raise ValueError('malformed goes with neither no_answer nor cut = "middle"')
        return self


class Match(BaseModel):
    """Which PDUs a rule means. Addresses are those on the wire, without a plus."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Command
    account: str = Field(default="", description="system_id of the account")
    source: str = Field(default="", description="pattern with * and ?")
    destination: str = Field(default="", description="pattern with * and ?")
    after: int = Field(default=0, ge=0, description="not the first so many")
    first: int = Field(default=0, ge=0, description="only so many then; 0: all")
    every: int = Field(default=1, ge=1, description="every so manieth of those")
    probability: float = Field(default=1.0, ge=0, le=1, description="and of those at random")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.command in {"bind", "enquire_link"} and (self.source or self.destination):
            raise ValueError(f"{self.command} has neither source nor destination")
        if self.command == "query_sm" and self.destination:
            raise ValueError("query_sm has no destination")
        return self


class Rule(BaseModel):
    """A match and the fault that its PDUs meet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="", description="for the ledger and for error messages")
    match: Match
    fault: Fault

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unfit = sorted(self.fault.model_fields_set - _FIELDS[self.match.command])
        if unfit:
            raise ValueError(f"fault.{unfit[0]}: it means nothing for {self.match.command}")
        return self


class Script(BaseModel):
    """A whole script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, description="of everything random")
    rule: tuple[Rule, ...] = Field(default=(), description="the first that applies counts")
    dialect: dict[str, ReceiptDialect] = Field(
        default_factory=dict, description="receipt dialects beside the built-in ones"
    )

    def model_post_init(self, _context: Any, /) -> None:  # noqa: ANN401 — pydantic's signature
        """Check the names of dialects."""
        for number, rule in enumerate(self.rule, 1):
            receipt = rule.fault.receipt
            if receipt and receipt.dialect and receipt.dialect not in self.dialects:
                known = ", ".join(self.dialects)
                name = f' ("{rule.name}")' if rule.name else ""
                raise ValueError(
                    f"rule {number}{name}, fault.receipt.dialect: {receipt.dialect!r} is none of "
                    f"{known}"
                )

    @property
    def dialects(self) -> dict[str, ReceiptDialect]:
        """The built-in dialects and its own."""
        return DIALECTS | self.dialect


def load_script(path: Path) -> Script:
    """Read a script. Blocks. Raises `SetupError` that names the rule and the field."""
    return _toml.load(path, Script)


def parse_script(text: str, name: str = "the script") -> Script:
    """Read the text of a script. Raises as `load_script` does."""
    return _toml.parse(text, Script, name)
