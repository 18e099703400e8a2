"""The settings of one bind to an SMS centre: `[smpp]` or a `[[binds]]` table."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from inbound.errors import SetupError
from inbound.parsers.hosts import is_host
from inbound.smpp.alphabet import is_text
from inbound.smpp.subscriber import is_country
from schemas.channels import Channel

PASSWORD_MAX: Final = 8
"""SMPP 3.4, 5.2.2: 9 octets with the NUL."""


class SmppSettings(BaseModel):
    """One bind to an SMS centre."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre: str = Field(
        default="main",
        description="our name of the SMS centre, as events have it; the same for all its binds",
    )
    bind: str = Field(
        default="main-1", description="our name of this bind, as events have it; unique"
    )
    type: Literal["transceiver", "transmitter", "receiver"] = Field(
        default="transceiver",
        description="transceiver for both directions, or a transmitter beside a receiver",
    )
    interface_version: Literal["3.4", "5.0"] = Field(
        default="3.4", description="interface_version of the bind request"
    )
    host: str = Field(default="127.0.0.1", description="host of the SMS centre")
    port: int = Field(default=2775, ge=1, le=65535, description="port of the SMS centre")
    standby: str = Field(
        default="",
        pattern=r"^(\S+:[0-9]{1,5})?$",
        description="second address as HOST:PORT, tried in turn with the first",
    )
    tls: bool = Field(
        default=False, description="use TLS and verify the certificate of the SMS centre"
    )
    tls_ca: Path | None = Field(
        default=None, description="trusted CA certificates (PEM), instead of the system's"
    )
    tls_cert: Path | None = Field(
        default=None, description="our client certificate with its key (PEM)"
    )
    system_id: str = Field(default="scserv", max_length=15, description="SMPP system_id")
    password: SecretStr = Field(
        default=SecretStr(""),
        max_length=PASSWORD_MAX,
        description="SMPP password (at most 8 characters)",
    )
    password_file: Path | None = Field(
        default=None, description="file that holds the password, for a bind in TOML"
    )
    system_type: str = Field(default="", max_length=12, description="SMPP system_type")
    window: int = Field(default=100, ge=1, le=10000, description="unanswered submit_sm at a time")
    rate: float = Field(
        default=0,
        ge=0,
        description="submit_sm per second, shared by all binds of the account; 0: no limit",
    )
    enquire_link_s: float = Field(
        default=30, gt=0, description="seconds between two enquire_link, whatever else is received"
    )
    response_timeout_s: float = Field(
        default=10,
        gt=0,
        description="seconds without a response after which a submit_sm has an unknown outcome",
    )
    query_after_s: float = Field(
        default=0,
        ge=0,
        description="seconds without a delivery receipt before query_sm asks; 0: never",
    )
    reconnect_min_s: float = Field(
        default=0.5, gt=0, description="first back-off before reconnecting, in seconds"
    )
    reconnect_max_s: float = Field(
        default=15, gt=0, description="longest back-off before reconnecting, in seconds"
    )
    alphabet: Literal["gsm0338", "latin-1", "ascii", "iso-8859-5"] = Field(
        default="gsm0338", description="alphabet of data_coding 0 at this SMS centre"
    )
    country: str = Field(
        default="RU",
        description="country whose national numbers this SMS centre writes (ISO 3166-1), like KZ",
    )
    data_codings: str = Field(
        default="",
        pattern=r"^([0-9]{1,3}=[0-9]{1,3}(,[0-9]{1,3}=[0-9]{1,3})*)?$",
        description="data_coding values that mean another one at this SMS centre, like 4=3,0=8",
    )
    strict: bool = Field(
        default=False,
        description="refuse, or leave unread, what deviates from the specification, instead of "
        "tolerating it; to test an SMS centre",
    )
    answer_ids: Literal["any", "exact", "decimal", "hexadecimal"] = Field(
        default="any",
        description="form of message ids in submit_sm_resp; any: unknown, so every form is tried",
    )
    receipt_ids: Literal["any", "exact", "decimal", "hexadecimal"] = Field(
        default="any", description="form of message ids in delivery receipts"
    )
    receipt_per: Literal["part", "message"] = Field(
        default="part",
        description="part: each part gets a delivery receipt; message: one receipt, with the id of "
        "any part, covers all parts",
    )

    channels: str = Field(
        default="",
        description="channels that this SMS centre offers, like hlr,ping,mms; the bind then "
        "carries messages of these channels and no texts",
    )

    @field_validator("host", "standby")
    @classmethod
    def _check_host(cls, address: str, info: ValidationInfo) -> str:
        host = address.rpartition(":")[0] if info.field_name == "standby" else address
        if address and not is_host(host.strip("[]")):
            raise ValueError("the host has to be a name or an IP address")
        return address

    @field_validator("country")
    @classmethod
    def _check_country(cls, code: str) -> str:
        if not is_country(code):
            raise ValueError(f"{code!r} is not a country; use a code of ISO 3166-1 like RU")
        return code

    @field_validator("channels")
    @classmethod
    def _check_channels(cls, names: str) -> str:
        unknown = set(_names(names)) - set(Channel)
        if unknown:
            known = ", ".join(Channel)
            raise ValueError(f"channels: no channel is called {min(unknown)}; there are {known}")
        return names

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.password_file is not None:
            password = _password_of(self.password_file)
            object.__setattr__(self, "password", SecretStr(password))
        return self

    @model_validator(mode="after")
    def _check_dialect(self) -> Self:
        for received, meant in self.data_coding_map.items():
            if received > 0xFF or not is_text(meant):
                raise ValueError(
                    f"data_codings: {received}={meant}: the first must be at most 255, the second "
                    "a text coding (SMPP 3.4, 5.2.19)"
                )
        ids, numbers = {self.answer_ids, self.receipt_ids}, {"decimal", "hexadecimal"}
        if ("exact" in ids and len(ids) > 1) or (
            self.receipt_ids in numbers and self.answer_ids not in numbers
        ):
            raise ValueError(
                f"answer_ids = {self.answer_ids!r} and receipt_ids = {self.receipt_ids!r}: no "
                "receipt would find its message; set the form of both, or leave both at 'any'"
            )
        return self

    @property
    def data_coding_map(self) -> dict[int, int]:
        """Received data_coding to the one it means at this SMS centre."""
        pairs = (pair.split("=") for pair in self.data_codings.split(",") if pair)
        return {int(received): int(meant) for received, meant in pairs}

    @property
    def offered_channels(self) -> frozenset[Channel]:
        """The channels that its SMS centre offers; empty for a bind of texts."""
        return frozenset(Channel(name) for name in _names(self.channels))

    @property
    def sends(self) -> bool:
        """Whether the bind carries submit_sm."""
        return self.type != "receiver"

    @property
    def receives(self) -> bool:
        """Whether the bind carries deliver_sm."""
        return self.type != "transmitter"


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _password_of(file: Path) -> str:
    try:
        password = read_value("password_file", file)
    except SetupError as error:
        raise ValueError(str(error)) from None  # pydantic adds which bind it is
    if len(password) > PASSWORD_MAX:
        raise ValueError(f"password_file: {file} has more than {PASSWORD_MAX} characters")
    return password


def read_value(setting: str, file: Path) -> str:
    """Return the content of the file that a setting names. Raises `SetupError`, with both names."""
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    raise SetupError(f"{setting}: can't read {file}: {reason}")
