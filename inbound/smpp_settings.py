"""The settings of one bind to an SMS centre: a `[[binds]]` table, or `[smpp]`."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from inbound.errors import SetupError
from inbound.smpp.alphabet import is_text


class SmppSettings(BaseModel):
    """The bind to the SMS centre."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre: str = Field(default="main", description="our name for the SMS centre, in events")
    bind: str = Field(default="main-1", description="our name for this bind, in events")
    type: Literal["transceiver", "transmitter", "receiver"] = Field(
        default="transceiver", description="both directions, or one of two binds that share them"
    )
    interface_version: Literal["3.4", "5.0"] = Field(
        default="3.4", description="version of SMPP said at the bind"
    )
    host: str = Field(default="127.0.0.1", description="the SMS centre's host")
    port: int = Field(default=2775, ge=1, le=65535, description="the SMS centre's port")
    standby: str = Field(
        default="",
        pattern=r"^(\S+:[0-9]{1,5})?$",
        description="HOST:PORT that is tried in turn with the first address",
    )
    tls: bool = Field(default=False, description="TLS, with the centre's certificate verified")
    tls_ca: Path | None = Field(
        default=None, description="certificates to trust instead of the system's (PEM)"
    )
    tls_cert: Path | None = Field(default=None, description="our certificate, with its key (PEM)")
    system_id: str = Field(default="scserv", max_length=15, description="SMPP system_id")
    password: SecretStr = Field(
        default=SecretStr(""), max_length=8, description="SMPP password (at most 8 characters)"
    )
    password_file: Path | None = Field(
        default=None, description="file with the password, for a bind in TOML"
    )
    system_type: str = Field(default="", max_length=12, description="SMPP system_type")
    window: int = Field(default=100, ge=1, le=10000, description="unanswered submit_sm at once")
    rate: float = Field(
        default=0,
        ge=0,
        description="submit_sm per second of the account, shared by all its binds; 0: no limit",
    )
    enquire_link_s: float = Field(default=30, gt=0, description="idle seconds before enquire_link")
    response_timeout_s: float = Field(
        default=10, gt=0, description="seconds after which a submit_sm counts as unanswered"
    )
    query_after_s: float = Field(
        default=0,
        ge=0,
        description="ask by query_sm after messages that have no receipt for so long; 0: never, "
        "for a centre that does not allow it",
    )
    reconnect_min_s: float = Field(default=0.5, gt=0, description="first pause before reconnecting")
    reconnect_max_s: float = Field(default=15, gt=0, description="longest pause before it")
    alphabet: Literal["gsm0338", "latin-1", "ascii", "iso-8859-5"] = Field(
        default="gsm0338", description="what data_coding 0 means at this centre"
    )
    data_codings: str = Field(
        default="",
        pattern=r"^([0-9]{1,3}=[0-9]{1,3}(,[0-9]{1,3}=[0-9]{1,3})*)?$",
        description="data codings of texts that mean another one at this centre, as 4=3,0=8",
    )
    answer_ids: Literal["any", "exact", "decimal", "hexadecimal"] = Field(
        default="any",
        description="how the centre writes message ids in submit_sm_resp; any: nobody knows, and "
        "receipts are compared in every writing",
    )
    receipt_ids: Literal["any", "exact", "decimal", "hexadecimal"] = Field(
        default="any", description="how it writes them in receipts"
    )
    receipt_per: Literal["part", "message"] = Field(
        default="part",
        description="message: one receipt, with the id of any part, is for the whole message",
    )

    @model_validator(mode="after")
    def _read_password(self) -> Self:
        if self.password_file is not None:
            password = read_value("password", self.password_file)
            object.__setattr__(self, "password", SecretStr(password))
        return self

    @model_validator(mode="after")
    def _check_dialect(self) -> Self:
        for said, meant in self.data_codings_here.items():
            if said > 0xFF or not is_text(meant):
                raise ValueError(
                    f"data_codings: {said}={meant}: the second has to mean text in SMPP 3.4, 5.2.19"
                )
        ids, numbers = {self.answer_ids, self.receipt_ids}, {"decimal", "hexadecimal"}
        if ("exact" in ids and len(ids) > 1) or (
            self.receipt_ids in numbers and self.answer_ids not in numbers
        ):
            raise ValueError(
                f"answer_ids = {self.answer_ids!r} and receipt_ids = {self.receipt_ids!r}: no "
                "receipt would find its message; name the form of both, or leave both at 'any'"
            )
        return self

    @property
    def data_codings_here(self) -> dict[int, int]:
        """What a data_coding means, where that is another one than it says."""
        pairs = (pair.split("=") for pair in self.data_codings.split(",") if pair)
        return {int(said): int(meant) for said, meant in pairs}

    @property
    def sends(self) -> bool:
        """Whether the bind carries submit_sm."""
        return self.type != "receiver"

    @property
    def receives(self) -> bool:
        """Whether the bind carries deliver_sm."""
        return self.type != "transmitter"


def read_value(variable: str, file: Path) -> str:
    """Return what a file says in place of a variable. Raises `SetupError` that names both."""
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{variable}_FILE: can't read {file}: {error}") from error
