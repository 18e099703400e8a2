"""The settings of the service, except those of a bind (`inbound.settings.smpp`).

The description of each field is what `scserv settings` prints.
"""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from inbound.errors import MissingSettingError
from inbound.handlers.approvals import SenderApproval
from inbound.handlers.policies import Policies
from inbound.keys import VaultKeys, parse_key
from inbound.settings.broadcasts import BroadcastSettings
from inbound.settings.channels import MailSettings, TelegramSettings
from inbound.settings.kafka import KafkaSettings
from inbound.settings.oidc import OidcSettings
from inbound.settings.quotas import QuotaSettings
from inbound.settings.smpp import PASSWORD_MAX, SmppSettings
from inbound.settings.zones import DEFAULT_ZONE, TimeZone
from schemas.channels import Channel

if TYPE_CHECKING:
    from inbound.store.dead_letters.limits import DeadLetterLimits

PREFIX = "SCSERV_"


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
        description="requests that each API process accepts from one token, but for orders",
    )
    orders_per_minute: int = Field(
        default=60_000,
        ge=1,
        le=10_000_000,
        description="requests with orders that each API process accepts from one token",
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
        "administrator,operator; who has one has to set it up before anything else",
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
        description="messages a second that each process takes from an account without a rate of "
        "its own",
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


class Settings(KafkaSettings):
    """All settings with their defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="PostgreSQL, as postgresql://USER:PASSWORD@HOST[,HOST]/DATABASE",
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="prefix of topics and groups in a shared Kafka: A-Z, a-z, 0-9, dot, _ and -",
    )
    vault_key: SecretStr = Field(
        default=SecretStr(""),
        description="key that encrypts secrets and numbers: 32 random bytes in base64 or hex",
    )
    other_vault_key: SecretStr = Field(
        default=SecretStr(""),
        description="while the vault key is rotated: the next or the previous one, which opens and "
        "never seals",
    )
    subject_key: SecretStr = Field(
        default=SecretStr(""),
        description="key of the hashes that stand for numbers: 32 random bytes in base64 or hex",
    )
    federal_number: str = Field(
        default="+79086228779",
        pattern=r"^\+[1-9][0-9]{6,14}$",
        description="the number that clients text, as +79086228779 (E.164)",
    )
    sender: str = Field(default="SCSERV", max_length=11, description="sender of every reply")
    templates_file: Path | None = Field(
        default=None, description="TOML file with the reply texts; built-in texts if unset"
    )
    max_attempts: int = Field(
        default=3,
        ge=1,
        description="how often a message is submitted while its outcome stays unknown",
    )
    part_wait_s: float = Field(
        default=1800,
        gt=0,
        description="seconds for which parts of a long MO wait for the missing parts",
    )
    rejected_mo_days: int = Field(
        default=7,
        ge=0,
        le=90,
        description="days for which rejected MOs are recorded (time, hashed sender, reason; never "
        "the text); 0 records none",
    )
    time_zone: TimeZone = Field(
        default=DEFAULT_ZONE,
        description="time zone of local times, and of times given without an offset (IANA name)",
    )
    order_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="days for which orders and their sealed texts are kept; their events stay",
    )
    order_ahead_days: int = Field(
        default=366,
        ge=1,
        le=3650,
        description="days that an order over HTTP or Kafka may wait for its time, or a broadcast "
        "for its start",
    )
    secret_ttl_s: float = Field(
        default=86400,
        gt=0,
        description="seconds after which a request's secret is deleted even if the request is open",
    )
    batch_size: int = Field(default=1000, ge=1, le=5000, description="MOs per transaction at most")
    dead_letters_max: int = Field(
        default=100_000, ge=1, description="dead letters stored at most; then partitions wait"
    )
    dead_letters_mb_max: int = Field(
        default=1000, ge=1, description="megabytes of dead letters at most; then partitions wait"
    )
    health_host: str = Field(
        default="127.0.0.1", description="address on which the health port listens"
    )
    health_port: int = Field(
        default=0, ge=0, le=65535, description="health port of a process; 0 picks a free one"
    )
    clock_skew_max_s: float = Field(
        default=30,
        gt=0,
        description="seconds that a machine's clock may differ from the database's before its "
        "processes are not ready",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="lowest severity that is logged"
    )
    policies: Policies = Field(default=Policies(), description="rules for accepting commands")
    quotas: QuotaSettings = Field(
        default=QuotaSettings(), description="limits for what strangers make the service store"
    )
    sender_approval: SenderApproval = Field(
        default=SenderApproval.AUTO,
        description="who may approve a sender: `second`, another person than the one who asked for "
        "it; `anyone`; `auto`, a second person once the audit has two. The scheduler's counts",
    )
    broadcasts: BroadcastSettings = Field(
        default=BroadcastSettings(), description="when and how broadcasts are sent"
    )
    smpp: SmppSettings = Field(default=SmppSettings(), description="bind to the SMS centre")
    api: ApiSettings = Field(default=ApiSettings(), description="the HTTP API")
    desk: DeskSettings = Field(default=DeskSettings(), description="the desk")
    ingress: IngressSettings = Field(
        default=IngressSettings(), description="HTTP in the dialects of other services"
    )
    smpp_server: SmppServerSettings = Field(
        default=SmppServerSettings(), description="the SMPP server for programs"
    )
    oidc: OidcSettings = Field(
        default=OidcSettings(), description="the OpenID provider where users of the desk sign in"
    )
    smtp_server: SmtpServerSettings = Field(
        default=SmtpServerSettings(), description="messages by mail, in SMSC's dialect"
    )
    mail: MailSettings = Field(
        default=MailSettings(), description="the channel mail: the server that takes our mails"
    )
    telegram: TelegramSettings = Field(
        default=TelegramSettings(), description="the channel bot: our bot in Telegram"
    )
    phone_password: SecretStr = Field(
        default=SecretStr(""),
        max_length=PASSWORD_MAX,
        description="password of phones at the simulated SMS centre (at most 8 characters); if "
        "empty, phones of the same user, of root and of other hosts need none",
    )
    binds: tuple[SmppSettings, ...] = Field(
        default=(),
        description="[[binds]] tables with the fields of [smpp], which is then ignored; the SMS "
        "centre of the first bind is the default",
    )

    @model_validator(mode="after")
    def _check_binds(self) -> Self:
        names = [bind.bind for bind in self.all_binds]
        if len(set(names)) < len(names):
            raise ValueError(
                f"binds: two binds are named {max(names, key=names.count)!r}; names must be unique"
            )
        for field in "answer_ids", "receipt_ids", "receipt_per", "offered_channels":
            said = {(bind.centre, getattr(bind, field)) for bind in self.all_binds}
            centres = [centre for centre, _ in said]
            if len(set(centres)) < len(centres):
                both = max(centres, key=centres.count)
                raise ValueError(
                    f"binds: all binds of the SMS centre {both!r} need the same "
                    f"{field.removeprefix('offered_')}"
                )
        for verb, possible in (
            ("send", any(bind.sends for bind in self.text_binds)),
            ("receive", any(bind.receives for bind in self.text_binds)),
        ):
            if not possible:
                raise ValueError(f"binds: no bind can {verb}; a transceiver does both")
        return self

    @model_validator(mode="after")
    def _check_channels(self) -> Self:
        offers = [
            *(
                (channel, each.centre)
                for each in self.all_binds
                for channel in each.offered_channels
            ),
            *((channel, "") for channel in self.own_channels),
        ]
        channels = [channel for channel, _ in dict.fromkeys(offers)]
        if len(set(channels)) < len(channels):
            twice = max(channels, key=channels.count)
            raise ValueError(f"the channel {twice} is configured twice; one has to offer it")
        return self

    @property
    def all_binds(self) -> tuple[SmppSettings, ...]:
        """The binds of a gateway: [[binds]], or else the one in [smpp]."""
        return self.binds or (self.smpp,)

    @property
    def text_binds(self) -> tuple[SmppSettings, ...]:
        """The binds for texts."""
        return tuple(bind for bind in self.all_binds if not bind.offered_channels)

    @property
    def own_channels(self) -> frozenset[Channel]:
        """The channels that the gateway speaks itself."""
        mail = [Channel.MAIL] if self.mail.host else []
        bot = [Channel.BOT] if self.telegram.token.get_secret_value() else []
        return frozenset({*mail, *bot})

    @property
    def channels(self) -> frozenset[Channel]:
        """All channels that are configured."""
        return self.own_channels.union(*(bind.offered_channels for bind in self.all_binds))

    def dead_letter_limits(self) -> "DeadLetterLimits":
        """Return how many dead letters may be stored."""
        # Imported here: it imports the database client, which few commands need.
        from inbound.store.dead_letters.limits import MEGABYTE, DeadLetterLimits

        return DeadLetterLimits(
            self.dead_letters_max,
            self.dead_letters_mb_max * MEGABYTE,
            self.quotas.dead_letters_per_sender,
            self.quotas.dead_letters_mb_per_sender * MEGABYTE,
        )

    def vault_keys(self) -> VaultKeys:
        """Return the vault keys. Raises `SetupError` when one is missing or malformed."""
        other = self.other_vault_key.get_secret_value()
        return VaultKeys(
            parse_key(self.vault_key.get_secret_value(), "SCSERV_VAULT_KEY"),
            parse_key(other, "SCSERV_OTHER_VAULT_KEY") if other else None,
        )

    def subject_key_bytes(self) -> bytes:
        """Return the subject key. Raises `SetupError` when it is missing or malformed."""
        return parse_key(self.subject_key.get_secret_value(), "SCSERV_SUBJECT_KEY")

    def require(self, *names: Literal["database_url", "kafka_bootstrap_servers"]) -> None:
        """Raise `SetupError` for the first of these settings that is empty."""
        for name in names:
            value = getattr(self, name)
            if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
                raise MissingSettingError(PREFIX + name.upper())
