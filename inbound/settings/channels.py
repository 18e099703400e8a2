"""The settings of channels that the service speaks itself: e-mail and Telegram."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from inbound.parsers.channel_addresses import ChannelAddressError, parse_address
from inbound.parsers.hosts import is_host
from inbound.settings.oidc import is_safe_address
from schemas.channels import Channel

_LONGEST_SUBJECT: Final = 200


class MailSettings(BaseModel):
    """Settings of the channel `mail`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(
        default="", description="the mail server that takes our mails; empty: there is no channel"
    )
    port: int = Field(default=587, ge=1, le=65535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls, tls from the start (port 465), or none; the certificate is verified",
    )
    tls_ca: Path | None = Field(
        default=None, description="trusted CA certificates (PEM), instead of the system's"
    )
    username: str = Field(default="", description="user of the mail server, if it wants one")
    password: SecretStr = Field(default=SecretStr(""), description="password of username")
    sender: str = Field(
        default="", description="address that mails come from, as scserv@example.org"
    )
    subject: str = Field(
        default="SCSERV",
        min_length=1,
        max_length=_LONGEST_SUBJECT,
        description="subject of mails whose program names none",
    )
    window: int = Field(
        default=10, ge=1, le=1000, description="mails that a gateway hands over at a time"
    )
    timeout_s: float = Field(
        default=30,
        gt=0,
        description="seconds without an answer, after which a mail that was sent has an unknown "
        "outcome",
    )

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        if host and not is_host(host):
            raise ValueError("has to be a host name or an IP address")
        return host

    @field_validator("sender")
    @classmethod
    def _check_sender(cls, sender: str) -> str:
        try:
            return parse_address(Channel.MAIL, sender) if sender else sender
        except ChannelAddressError as error:
            raise ValueError(str(error)) from None

    @field_validator("subject")
    @classmethod
    def _check_subject(cls, subject: str) -> str:
        if not subject.isprintable():
            raise ValueError("has to be one line of printable characters")
        return subject

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.host and not self.sender:
            raise ValueError("set SCSERV_MAIL__SENDER beside SCSERV_MAIL__HOST")
        if self.host and self.username and self.security == "none":
            raise ValueError("username needs TLS: set security to starttls or tls")
        return self


class TelegramSettings(BaseModel):
    """Settings of the channel `bot`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(
        default=SecretStr(""),
        description="token of our bot, from @BotFather; empty: there is no channel",
    )
    bot: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_]{0,64}$",
        description="name of our bot without @; a message that names another bot is refused",
    )
    url: str = Field(
        default="https://api.telegram.org",
        description="address of the Bot API: Telegram's, or of a Bot API server of your own",
    )
    window: int = Field(
        default=20, ge=1, le=1000, description="messages that a gateway hands over at a time"
    )
    timeout_s: float = Field(
        default=30,
        gt=0,
        description="seconds without an answer, after which a message has an unknown outcome",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not is_safe_address(url):
            raise ValueError("has to begin with https://, or http:// of this machine")
        return url

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.token.get_secret_value() and not self.bot:
            raise ValueError("set SCSERV_TELEGRAM__BOT beside SCSERV_TELEGRAM__TOKEN")
        return self
