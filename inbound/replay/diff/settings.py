"""The settings that a diff needs.

A diff process never holds an address of Kafka or an SMS centre, nor a key: `DiffSettings`
has no fields for them, so their variables and files are not read.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from inbound.errors import MissingSettingError, SetupError
from inbound.handlers.policies import Policies
from inbound.replay.diff.protocol import CandidateConfig
from inbound.settings import SmppSettings, read_settings_file
from inbound.settings.zones import DEFAULT_ZONE, TimeZone

ALPHABETS: Final = get_args(SmppSettings.model_fields["alphabet"].annotation)
_RELEVANT: Final = {"policies", "templates_file", "smpp", "binds"}


class _Alphabet(BaseModel):
    """The part of a bind's settings that a diff reads."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alphabet: str = Field(default="gsm0338")


class DiffSettings(BaseModel):
    """Address of the event log and the rules in force; a subset of `Settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr = SecretStr("")
    time_zone: TimeZone = DEFAULT_ZONE
    templates_file: Path | None = None
    policies: Policies = Policies()
    smpp: _Alphabet = _Alphabet()
    binds: tuple[_Alphabet, ...] = ()

    def require_database(self) -> str:
        """Return the URL of the database. Raises `SetupError` when it is not set."""
        url = self.database_url.get_secret_value()
        if not url:
            raise MissingSettingError("SCSERV_DATABASE_URL")
        return url

    def current_config(self) -> CandidateConfig:
        """Return the configuration in force, as one for a candidate."""
        return CandidateConfig(
            policies=self.policies.model_dump(exclude_unset=True),
            templates=None if self.templates_file is None else str(self.templates_file.resolve()),
            alphabet=(self.binds or (self.smpp,))[0].alphabet,
        )


def change_config(
    current: CandidateConfig, settings: Path | None, templates: Path | None, *, carry: bool
) -> CandidateConfig:
    """Return `current` with the changes from the candidate's files.

    Only `policies`, `templates_file` and the alphabet of a settings file count. Raises
    `SetupError` for an invalid file, and for one that changes none of these.
    """
    config = replace(current, carry=carry)
    if settings is not None:
        values = read_settings_file(settings, "--settings")
        if not values.keys() & _RELEVANT:
            raise SetupError(
                f"--settings {settings}: set policies, templates_file or an alphabet; nothing else "
                "can make a difference"
            )
        config = _apply_file(config, values, f"--settings {settings}")
    if templates is not None:
        config = replace(config, templates=str(templates.resolve()))
    return config


def _apply_file(config: CandidateConfig, values: Mapping[str, Any], where: str) -> CandidateConfig:
    policies, binds = values.get("policies", {}), values.get("binds")
    bind = binds[0] if binds else values.get("smpp", {})
    if not isinstance(policies, Mapping) or not isinstance(bind, Mapping):
        raise SetupError(f"{where}: policies, smpp and each of binds must be tables")
    alphabet = str(bind.get("alphabet", config.alphabet))
    if alphabet not in ALPHABETS:
        raise SetupError(f"{where}: {alphabet!r} is not an alphabet; use {', '.join(ALPHABETS)}")
    return replace(
        config,
        policies={**config.policies, **policies},
        templates=str(Path(values["templates_file"]).resolve())
        if values.get("templates_file")
        else config.templates,
        alphabet=alphabet,
    )
