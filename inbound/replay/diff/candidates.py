"""Candidates: the port, and this release with another configuration.

A candidate describes itself and judges batches of streams. `inbound.replay.diff.process` runs
another release as a candidate, in its own process.
"""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError
from typing_extensions import override

import inbound
from inbound.errors import SetupError
from inbound.field_rules import rule_of
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
    """Decides past requests again. The caller has to close it."""

    @property
    def description(self) -> CandidateDescription:
        """Its release, policies and texts."""
        ...

    def judge(
        self, batches: Iterable[Sequence[PastStream]], asked: Collection[str]
    ) -> Iterator[list[StreamVerdict]]:
        """Yield the verdicts of each batch, in order.

        `asked` names the templates whose messages are reported. Raises `SetupError`, which
        names the request, when the candidate can't continue.
        """
        ...

    def close(self) -> None:
        """Release its resources. Safe to repeat."""


class LocalCandidate(Candidate):
    """This release with another configuration."""

    def __init__(self, config: CandidateConfig) -> None:
        """Raises `SetupError` for policies or templates that this release refuses."""
        self._policies = read_policies(config)
        templates = Path(config.templates) if config.templates else None
        texts = describe(templates, config.alphabet)
        self._carry = config.carry
        self._description = CandidateDescription(
            release(), self._policies.model_dump(mode="json"), texts
        )

    @property
    @override
    def description(self) -> CandidateDescription:
        return self._description

    @override
    def judge(
        self, batches: Iterable[Sequence[PastStream]], asked: Collection[str]
    ) -> Iterator[list[StreamVerdict]]:
        decider = self.decider(asked)
        for batch in batches:
            yield [decider.judge(stream.subject, stream.events) for stream in batch]

    def decider(self, asked: Collection[str]) -> Decider:
        """Return a decider for this configuration."""
        return Decider(self._policies, self._description.texts, frozenset(asked), self._carry)

    @override
    def close(self) -> None:
        """Nothing to release."""


def read_policies(config: CandidateConfig) -> Policies:
    """Return the policies of this release. Raises `SetupError` for the first invalid one."""
    try:
        return Policies.model_validate(config.policies)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise SetupError(f"the candidate's policy {name}: {rule_of(first)}") from None


def release() -> str:
    """Return the version of the running code, which may differ from the installed one."""
    folder = Path(inbound.__file__).parent.parent
    if (project := folder / "pyproject.toml").is_file():
        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
    found = (one.version for one in distributions(name="scserv", path=[str(folder)]))
    return next(found, "of unknown version")
