"""The few settings of the service that a diff needs, and no others.

A process that diffs never holds an address of Kafka, of an SMS centre, or a key: the class
has no field for them, so their variables and files are not read.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inbound.errors import SetupError
from inbound.handlers.policies import Policies
from inbound.replay.diff.protocol import CandidateConfig
from inbound.settings import read_settings_file
from inbound.smpp_settings import SmppSettings

ALPHABETS: Final = get_args(SmppSettings.model_fields["alphabet"].annotation)
_SEEN: Final = {"policies", "templates_file", "smpp", "binds"}


class _Alphabet(BaseModel):
    """What counts of a bind."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alphabet: str = Field(default="gsm0338")


class DiffSettings(BaseModel):
    """Where the log is, and what decides now; fields are those of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("")
    templates_file: Path | None = None
    policies: Policies = Policies()
    smpp: _Alphabet = _Alphabet()
    binds: tuple[_Alphabet, ...] = ()

    def require_database(self) -> str:
        """Return the database's URL; raise `SetupError` when it is not set."""
        url = self.database_url.get_secret_value()
        if not url:
            raise SetupError(
                "SCSERV_DATABASE_URL is not set: set it, name a TOML file with --config, or name "
                "the folder of a running `scserv up` with --data-dir"
            )
        return url

    def orders(self) -> CandidateConfig:
        """Return what decides now, as a candidate's orders."""
        return CandidateConfig(
            policies=self.policies.model_dump(exclude_unset=True),
            templates=None if self.templates_file is None else str(self.templates_file.resolve()),
            alphabet=(self.binds or (self.smpp,))[0].alphabet,
        )


def changed(
    now: CandidateConfig, settings: Path | None, templates: Path | None, *, carry: bool
) -> CandidateConfig:
    """Return `now` with what the candidate's files say; what they leave out stays as it is.

    Of a settings file only `policies`, `templates_file` and the alphabet count. Raises
    `SetupError` when it is none, or sets nothing that a diff can see.
    """
    orders = replace(now, carry=carry)
    if settings is not None:
        values = read_settings_file(settings, "--settings")
        if not values.keys() & _SEEN:
            raise SetupError(
                f"--settings {settings}: sets neither policies nor templates_file nor an "
                "alphabet, so nothing can differ"
            )
        orders = _with(orders, values, f"--settings {settings}")
    if templates is not None:
        orders = replace(orders, templates=str(templates.resolve()))
    return orders


def _with(orders: CandidateConfig, values: Mapping[str, Any], where: str) -> CandidateConfig:
    policies, binds = values.get("policies", {}), values.get("binds")
    bind = binds[0] if binds else values.get("smpp", {})
    if not isinstance(policies, Mapping) or not isinstance(bind, Mapping):
        raise SetupError(f"{where}: policies, smpp and each of binds are tables")
    alphabet = str(bind.get("alphabet", orders.alphabet))
    if alphabet not in ALPHABETS:
        raise SetupError(f"{where}: no alphabet {alphabet!r}; there are {', '.join(ALPHABETS)}")
    return replace(
        orders,
        policies={**orders.policies, **policies},
        templates=str(Path(values["templates_file"]).resolve())
        if values.get("templates_file")
        else orders.templates,
        alphabet=alphabet,
    )
