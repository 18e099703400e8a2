"""Every setting of the service: `SCSERV_*` variables, a TOML file, or the default.

A variable wins over its `*_FILE` twin (a path whose content is the value: for secrets),
which wins over the TOML file. Groups are tables in TOML and `SCSERV_GROUP__NAME` as
variables. What does not fit is one line that names the setting and where it came from.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from inbound.errors import SetupError
from inbound.handlers.policies import Policies
from inbound.keys import parse_key
from inbound.smpp_settings import SmppSettings, read_value

if TYPE_CHECKING:
    from inbound.store.parked import ParkingLimits

PREFIX = "SCSERV_"
# A list of tables, and what only makes sense within it: variables have *_FILE twins.
_ONLY_IN_TOML = {(PREFIX, "binds"), (PREFIX + "SMPP__", "password_file")}
# The cache of the Kafka jars, and what `scserv up` tells its children: not for operators.
_NOT_SETTINGS = {"SCSERV_CACHE_DIR", "SCSERV_PARENT_FD"}


Model = TypeVar("Model", bound=BaseModel)


class ApiSettings(BaseModel):
    """The HTTP API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1", description="where the API listens; loopback unless told otherwise"
    )
    port: int = Field(default=8090, ge=0, le=65535, description="its port; 0: a free one")
    tls_cert: Path | None = Field(
        default=None, description="certificate of the API, with those that lead to it (PEM)"
    )
    tls_key: Path | None = Field(
        default=None, description="its key (PEM); unset when it stands in the same file"
    )
    requests_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="of one token, per API process"
    )


class Settings(BaseModel):
    """All settings, with their defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr = Field(
        default=SecretStr(""), description="PostgreSQL, as postgresql://USER:PASSWORD@HOST/DATABASE"
    )
    kafka_bootstrap_servers: str = Field(
        default="", description="Apache Kafka, as HOST:PORT[,HOST:PORT]"
    )
    kafka_replication_factor: int = Field(
        default=1, ge=1, description="copies of each partition; 3 in production"
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="before every topic and group name: two services on one Kafka",
    )
    vault_key: SecretStr = Field(
        default=SecretStr(""),
        description="key of the stored secrets and numbers: 32 random bytes in base64 or hex",
    )
    subject_key: SecretStr = Field(
        default=SecretStr(""),
        description="key that turns numbers into look-up hashes: 32 random bytes in base64 or hex",
    )
    federal_number: str = Field(
        default="+79086228779", description="the number that clients text (E.164)"
    )
    sender: str = Field(default="SCSERV", max_length=11, description="sender of every reply")
    templates_file: Path | None = Field(
        default=None, description="TOML file with the reply texts; the built-in ones when unset"
    )
    max_attempts: int = Field(
        default=3, ge=1, description="submits of one message whose outcome stays unknown"
    )
    part_wait_s: float = Field(
        default=1800, gt=0, description="seconds that parts of a long text wait for the others"
    )
    miss_days: int = Field(
        default=7,
        ge=0,
        le=90,
        description="days for which it is kept when and why a text of a number was no command; "
        "never the text; 0 turns it off",
    )
    time_zone: str = Field(
        default="Europe/Moscow", description="zone of the local times in a timeline (IANA name)"
    )
    secret_ttl_s: float = Field(
        default=86400, gt=0, description="seconds after which a request's secret is erased anyway"
    )
    batch_size: int = Field(default=1000, ge=1, le=5000, description="texts per transaction")
    batch_wait_s: float = Field(
        default=0.01, gt=0, description="seconds a batch waits to fill before it is processed"
    )
    parked_rows_max: int = Field(
        default=100_000, ge=1, description="parked messages at most; then partitions wait"
    )
    parked_mb_max: int = Field(
        default=1000, ge=1, description="megabytes of parked messages at most; then partitions wait"
    )
    health_host: str = Field(default="127.0.0.1", description="where the health port listens")
    health_port: int = Field(
        default=0, ge=0, le=65535, description="health port of a process; 0: a free one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe message that is logged"
    )
    policies: Policies = Field(default=Policies(), description="what is accepted and how")
    smpp: SmppSettings = Field(default=SmppSettings(), description="the SMS centre")
    api: ApiSettings = Field(default=ApiSettings(), description="the HTTP API")
    binds: tuple[SmppSettings, ...] = Field(
        default=(),
        description="several binds, each a [[binds]] table with the fields of [smpp], "
        "which then counts no more; the first one's centre is the default",
    )

    @field_validator("time_zone")
    @classmethod
    def _check_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone is called {name!r}") from None
        return name

    @model_validator(mode="after")
    def _check_binds(self) -> Self:
        names = [bind.bind for bind in self.all_binds]
        if len(set(names)) < len(names):
            raise ValueError(f"binds: two have the name {max(names, key=names.count)!r}")
        for field in "answer_ids", "receipt_ids", "receipt_per":
            said = {(bind.centre, getattr(bind, field)) for bind in self.all_binds}
            centres = [centre for centre, _ in said]
            if len(set(centres)) < len(centres):
                both = max(centres, key=centres.count)
                raise ValueError(f"binds: {field} is the centre's: the binds of {both!r} differ")
        for direction, some in (
            ("sends", any(bind.sends for bind in self.all_binds)),
            ("receives", any(bind.receives for bind in self.all_binds)),
        ):
            if not some:
                raise ValueError(f"binds: none {direction}; a transceiver does both")
        return self

    @property
    def all_binds(self) -> tuple[SmppSettings, ...]:
        """The binds of a gateway: those in [[binds]], else the one in [smpp]."""
        return self.binds or (self.smpp,)

    def parking_limits(self) -> "ParkingLimits":
        """Return how much may be parked."""
        # Not above: the client of the database comes with it, and few commands need that.
        from inbound.store.parked import MEGABYTE, ParkingLimits

        return ParkingLimits(self.parked_rows_max, self.parked_mb_max * MEGABYTE)

    def vault_key_bytes(self) -> bytes:
        """Return the vault key; raises `SetupError` when it is missing or malformed."""
        return parse_key(self.vault_key.get_secret_value(), "SCSERV_VAULT_KEY")

    def subject_key_bytes(self) -> bytes:
        """Return the subject key; raises `SetupError` when it is missing or malformed."""
        return parse_key(self.subject_key.get_secret_value(), "SCSERV_SUBJECT_KEY")

    def require(self, *names: Literal["database_url", "kafka_bootstrap_servers"]) -> None:
        """Raise `SetupError` for the first of these settings that is empty."""
        for name in names:
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise SetupError(
                    f"{PREFIX}{name.upper()} is not set: set it, name a TOML file with --config, "
                    "or name the folder of a running `scserv up` with --data-dir"
                )


def load_settings(
    config: Path | None = None, defaults: Mapping[str, Any] | None = None
) -> Settings:
    """Return the settings in force.

    `config` is a TOML file; `defaults` is what a running `scserv up` says of itself, below
    everything else. Raises `SetupError` with one line per setting that does not fit.
    """
    return load_some(Settings, config, defaults)


def load_some(
    model: type[Model], config: Path | None = None, defaults: Mapping[str, Any] | None = None
) -> Model:
    """Return the settings in force as a model with some of the fields of `Settings`.

    For a process that must not hold the others: neither their variables nor the files of
    these are read. Otherwise as `load_settings`.
    """
    _refuse_unknown_variables()
    file = read_settings_file(config, "--config") if config else {}
    merged = _merge(defaults or {}, file, _read_environment(model))
    values = {name: value for name, value in merged.items() if name in model.model_fields}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_explain(problem, config) for problem in error.errors(include_input=False)]
        raise SetupError("\n".join(lines)) from None


def read_settings_file(path: Path, option: str) -> dict[str, Any]:
    """Return what a TOML file sets, its values unchecked.

    Raises `SetupError` for a file that is none or has a name at its top that is no setting;
    `option` named it.
    """
    values = _read_toml(path, option)
    for name in values:
        if name not in Settings.model_fields:
            hint = _did_you_mean(name, Settings.model_fields)
            raise SetupError(f"{option} {path}: {name}: there is no such setting; {hint}")
    return values


def variables(
    model: type[BaseModel] = Settings, prefix: str = PREFIX
) -> Iterator[tuple[str, FieldInfo, str]]:
    """Yield every setting that may be a variable, as (variable, field, TOML path)."""
    for name, field in model.model_fields.items():
        if (prefix, name) in _ONLY_IN_TOML:
            continue
        annotation = field.annotation
        variable = prefix + name.upper()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for inner, inner_field, path in variables(annotation, variable + "__"):
                yield inner, inner_field, f"{name}.{path}"
        else:
            yield variable, field, name


def _merge(*sources: Mapping[str, Any]) -> dict[str, Any]:
    """Return all sources as one, later ones over earlier ones, also within groups."""
    merged: dict[str, Any] = {}
    for source in sources:
        for name, value in source.items():
            below = merged.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[name] = _merge(below, value)
            else:
                merged[name] = value
    return merged


def _read_environment(model: type[BaseModel]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for variable, _, path in variables(model):
        value = os.environ.get(variable)
        if value is None and (file := os.environ.get(f"{variable}_FILE")):
            value = read_value(variable, Path(file))
        if value is not None:
            group, _, name = path.rpartition(".")
            (values.setdefault(group, {}) if group else values)[name] = value
    return values


def _read_toml(path: Path, option: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{option} {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{option} {path}: not a TOML file in UTF-8: {error}") from error


def _refuse_unknown_variables() -> None:
    known = {name for name, _, _ in variables()}
    for variable in os.environ:
        if not variable.startswith(PREFIX) or variable in _NOT_SETTINGS | known:
            continue
        if variable.endswith("_FILE") and variable.removesuffix("_FILE") in known:
            continue
        raise SetupError(f"{variable}: there is no such setting; {_did_you_mean(variable, known)}")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else "`scserv settings` lists them"


def _explain(problem: Mapping[str, Any], config: Path | None) -> str:
    path = [str(part) for part in problem["loc"]]
    variable = PREFIX + "__".join(path).upper() if path else "settings"
    where = f" ({'.'.join(path)} in {config})" if config and path else ""
    return f"{variable}{where}: {problem['msg']}"
