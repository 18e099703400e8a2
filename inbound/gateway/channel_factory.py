"""Builds the channels of a gateway from its settings. Connects to nothing."""

import ssl
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from inbound.errors import SetupError
from inbound.gateway.channel_binds import NOT_OFFERED, ChannelBind, NotOffered, centre_of
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.settings import Settings
from inbound.settings.channels import MailSettings
from schemas.channels import Channel

_REFUSING_WINDOW: Final = 10


class ChannelStates:
    """Reports the states of channels: to the health page, as a detail, and to the metrics.

    A channel that is down doesn't make the gateway unready: its texts leave all the same.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._states: dict[str, str] = {}

    def note(self, name: str, reason: str) -> None:
        """Take note of why a channel can't be used; "" if it can."""
        if self._states.get(name) != reason:
            self._states[name] = reason
            self._health.describe("channels", dict(self._states))
            metrics.BIND_UP.set(int(not reason), {"bind": name})


def make_channels(
    settings: Settings, health: Health, clock: Callable[[], datetime]
) -> list[ChannelBind]:
    """Return the channels that are configured, and one that refuses messages of others.

    Raises `SetupError` when a TLS file can't be used.
    """
    states = ChannelStates(health)

    def report(channel: Channel) -> Callable[[str], None]:
        states.note(centre_of(channel), "")
        return partial(states.note, centre_of(channel))

    binds = [ChannelBind(NOT_OFFERED, NotOffered(), _REFUSING_WINDOW)]
    mail = settings.mail
    if mail.host:
        # Imported here: most gateways have neither a mail server nor a bot.
        from inbound.channels.mail import MailChannel, MailServer

        server = MailServer(
            mail.host,
            mail.port,
            mail.security,
            mail.sender,
            mail.subject,
            mail.username,
            mail.password.get_secret_value(),
            mail.timeout_s,
            _tls(mail),
        )
        adapter = MailChannel(server, clock)
        binds.append(
            ChannelBind(centre_of(Channel.MAIL), adapter, mail.window, report=report(Channel.MAIL))
        )
    telegram = settings.telegram
    if token := telegram.token.get_secret_value():
        from inbound.channels.telegram import BotApi, TelegramChannel

        api = BotApi(telegram.url, token, telegram.bot, telegram.timeout_s)
        centre = centre_of(Channel.BOT)
        binds.append(
            ChannelBind(centre, TelegramChannel(api), telegram.window, report=report(Channel.BOT))
        )
    return binds


def _tls(settings: MailSettings) -> ssl.SSLContext | None:
    if settings.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=settings.tls_ca)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"mail: TLS: can't use {settings.tls_ca}: {error}") from error
