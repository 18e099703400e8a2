"""The settings of listeners: the API, the desk and the entry points of programs."""

from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class TcpSettings(BaseModel):
    """Where a process listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    called: ClassVar[str]
    group: ClassVar[str]
    """Its part of the names of variables."""

    host: str = Field(default="127.0.0.1", description="address on which it listens")
    port: int = Field(default=0, ge=0, le=65535, description="its port; 0 picks a free one")
    tls_cert: Path | None = Field(
        default=None, description="its TLS certificate with its intermediates (PEM)"
    )
    tls_key: Path | None = Field(
        default=None, description="private key of tls_cert (PEM), if in a file of its own"
    )


class ListenerSettings(TcpSettings):
    """Where a process that speaks HTTP listens."""

    trusted_proxies: str = Field(
        default="",
        description="addresses and networks of TLS proxies before it, separated by commas; "
        "their X-Forwarded-For names the client",
    )


class ApiSettings(ListenerSettings):
    """Settings of the HTTP API."""

    called: ClassVar[str] = "the API"
    group: ClassVar[str] = "API"

    port: int = Field(
        default=8090, ge=0, le=65535, description="port of the API; 0 picks a free one"
    )
    requests_per_minute: int = Field(
        default=600,
        ge=1,
        le=1_000_000,
        description="requests a minute that each API process accepts from one token, other than "
        "orders",
    )
    orders_per_minute: int = Field(
        default=60_000,
        ge=1,
        le=10_000_000,
        description="requests a minute with orders that each API process accepts from one token",
    )


class DeskSettings(ListenerSettings):
    """Settings of the desk."""

    called: ClassVar[str] = "the desk"
    group: ClassVar[str] = "DESK"

    port: int = Field(
        default=8070, ge=0, le=65535, description="port of the desk; 0 picks a free one"
    )
    hosts: str = Field(
        default="",
        description="names by which browsers reach the desk, separated by commas, besides those of "
        "loopback; requests for other names are refused",
    )
    address: str = Field(
        default="",
        description="address at which browsers reach the desk, as https://desk.example.org; an "
        "OpenID provider sends them back there. Its host needs no entry in hosts",
    )
    idle_minutes: int = Field(
        default=60, ge=1, le=1440, description="minutes after which an unused session ends"
    )
    session_hours: int = Field(
        default=12, ge=1, le=168, description="hours after which every session ends"
    )
    second_factor_roles: str = Field(
        default="",
        description="roles that need a second factor, separated by commas, such as "
        "administrator,operator; their users have to set it up before they do anything else",
    )
    uploads: Path = Field(
        default=Path("desk-uploads"),
        description="folder for uploaded tables, which stay there until they are used, a day at "
        "most; a relative path is in the working directory",
    )


class IngressSettings(ListenerSettings):
    """Settings of the ingress: HTTP in the dialects of other services."""

    called: ClassVar[str] = "the ingress"
    group: ClassVar[str] = "INGRESS"

    on: bool = Field(default=True, description="whether the dialects over HTTP are served")
    port: int = Field(
        default=8100, ge=0, le=65535, description="port of the dialects; 0 picks a free one"
    )
    ban_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="minutes for which an address that guessed credentials is banned, at every "
        "listener of the ingress",
    )


class SmppServerSettings(TcpSettings):
    """Settings of the SMPP server, to which programs bind as to an SMS centre."""

    called: ClassVar[str] = "the SMPP server"
    group: ClassVar[str] = "SMPP_SERVER"

    on: bool = Field(default=True, description="whether programs may bind over SMPP")
    port: int = Field(default=2776, ge=0, le=65535, description="its port; 0 picks a free one")
    tls_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="port for TLS beside `port`; 0: none, and with tls_cert `port` takes TLS only",
    )
    rate_per_s: int = Field(
        default=30,
        ge=1,
        le=100_000,
        description="messages a second, over all processes, from an account without a rate of its "
        "own",
    )
    window: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="unanswered requests of a link above which nothing more is read from it",
    )
    idle_s: float = Field(
        default=120, gt=0, description="seconds without anything received that end a link"
    )


class SmtpServerSettings(TcpSettings):
    """Settings of the SMTP server, which takes messages in SMSC's dialect."""

    called: ClassVar[str] = "the SMTP server"
    group: ClassVar[str] = "SMTP_SERVER"

    on: bool = Field(default=False, description="whether messages are taken by mail")
    port: int = Field(default=2525, ge=0, le=65535, description="its port; 0 picks a free one")
