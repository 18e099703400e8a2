"""The settings of the service, except those of a bind (`inbound.settings.smpp`).

The description of each field is what `scserv settings` prints.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, model_validator

from inbound.errors import MissingSettingError
from inbound.handlers.approvals import SenderApproval
from inbound.handlers.policies import Policies
from inbound.keys import VaultKeys, parse_key
from inbound.settings.broadcasts import BroadcastSettings
from inbound.settings.channels import MailSettings, TelegramSettings
from inbound.settings.kafka import KafkaSettings
from inbound.settings.key_text import KeyText
from inbound.settings.listeners import (
    ApiSettings,
    DeskSettings,
    IngressSettings,
    SmppServerSettings,
    SmtpServerSettings,
)
from inbound.settings.oidc import OidcSettings
from inbound.settings.quotas import QuotaSettings
from inbound.settings.smpp import PASSWORD_MAX, SmppSettings
from inbound.settings.zones import DEFAULT_ZONE, TimeZone
from schemas.channels import Channel

if TYPE_CHECKING:
    from inbound.store.dead_letters.limits import DeadLetterLimits

PREFIX = "SCSERV_"


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
    vault_key: KeyText = Field(
        default=SecretStr(""),
        description="key that encrypts secrets and numbers: 32 random bytes in base64 or hex",
    )
    other_vault_key: KeyText = Field(
        default=SecretStr(""),
        description="while the vault key is rotated: the next or the previous one, which opens and "
        "never seals",
    )
    subject_key: KeyText = Field(
        default=SecretStr(""),
        description="key that opens the key of all hashes: 32 random bytes in base64 or hex",
    )
    other_subject_key: KeyText = Field(
        default=SecretStr(""),
        description="for `scserv keys rotate-subject` alone: the subject key that is rotated away",
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
        description="seconds after which a request's secret is deleted even if the request is "
        "open; of a held one, seconds after the end of its hold",
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
        if not any(bind.sends for bind in self.text_binds):
            raise ValueError("binds: no bind can send; a transceiver sends and receives")
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
