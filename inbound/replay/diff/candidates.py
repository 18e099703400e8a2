"""Who decides again: this release with other settings, here in this process.

A candidate describes itself and judges batches of streams. `inbound.replay.diff.process`
has the one of another release, in a process of its own.
"""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

import inbound
from inbound.errors import SetupError
from inbound.handlers.policies import Policies
from inbound.replay.diff.decider import Decider
from inbound.replay.diff.protocol import (
    CandidateConfig,
    CandidateDescription,
    PastStream,
    StreamVerdict,
)
from inbound.replay.diff.texts import describe


class Candidate(Protocol):
    """Decides the past again. `close` when done."""

    @property
    def description(self) -> CandidateDescription:
        """Its release, its policies and its texts."""
        ...

    def judge(
        self, batches: Iterable[Sequence[PastStream]], asked: Collection[str]
    ) -> Iterator[list[StreamVerdict]]:
        """Yield the verdicts of each batch, in order.

        `asked` are templates whose messages are wanted. Raises `SetupError` that names the
        request when the candidate can't go on.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds. Safe to repeat."""


class LocalCandidate:
    """This release under other orders."""

    def __init__(self, orders: CandidateConfig) -> None:
        """Raise `SetupError` for policies or templates that this release does not take."""
        self._policies = read_policies(orders)
        templates = Path(orders.templates) if orders.templates else None
        texts = describe(templates, orders.alphabet)
        self._carry = orders.carry
        self._description = CandidateDescription(
            release(), self._policies.model_dump(mode="json"), texts
        )

    @property
    def description(self) -> CandidateDescription:
        """See the port."""
        return self._description

    def judge(
        self, batches: Iterable[Sequence[PastStream]], asked: Collection[str]
    ) -> Iterator[list[StreamVerdict]]:
        """See the port."""
        decider = self.decider(asked)
        for batch in batches:
            yield [decider.judge(stream.subject, stream.events) for stream in batch]

    def decider(self, asked: Collection[str]) -> Decider:
        """Return what decides."""
        return Decider(self._policies, self._description.texts, frozenset(asked), self._carry)

    def close(self) -> None:
        """See the port."""


def read_policies(orders: CandidateConfig) -> Policies:
    """Return the policies as this release has them, or raise `SetupError` for the first fault."""
    try:
        return Policies.model_validate(orders.policies)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"the candidate's policy {name}: {first['msg']}") from None


def release() -> str:
    """Return the version of the code that runs, which need not be the installed one."""
    folder = Path(inbound.__file__).parent.parent
    if (project := folder / "pyproject.toml").is_file():
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
    found = (one.version for one in distributions(name="scserv", path=[str(folder)]))
    return next(found, "of no version")
