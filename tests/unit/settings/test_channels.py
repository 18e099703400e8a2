"""Which channels are configured, and what is refused."""

import re

import pytest
from pydantic import SecretStr, ValidationError

from inbound.settings import Settings, SmppSettings
from inbound.settings.channels import MailSettings, TelegramSettings
from schemas.channels import Channel

MAIL = MailSettings(host="mail.example.org", sender="scserv@example.org")
TELEGRAM = TelegramSettings(token=SecretStr("1:token"), bot="our_bot")


def bind(name: str, channels: str = "", centre: str = "") -> SmppSettings:
    return SmppSettings(bind=name, centre=centre or name, channels=channels)


@pytest.mark.parametrize("host", ["smsc-1.internal", "10.0.0.1", "::1", "fe80::1%eth0", "a_b.c."])
def test_which_hosts_are_taken(host: str) -> None:
    values = {"smpp": {"host": host, "standby": f"{host}:2775"}}
    assert Settings.model_validate(values).smpp.host == host
    assert MailSettings(host=host, sender="a@b.org").host == host


def test_without_settings_there_is_no_channel() -> None:
    assert Settings().channels == frozenset()


def test_channels_of_all_kinds() -> None:
    binds = (bind("texts"), bind("more", "hlr, viber"), bind("more-2", "viber,hlr", "more"))
    settings = Settings(mail=MAIL, telegram=TELEGRAM, binds=binds)
    assert settings.channels == {Channel.MAIL, Channel.BOT, Channel.HLR, Channel.VIBER}
    assert settings.own_channels == {Channel.MAIL, Channel.BOT}
    assert [one.bind for one in settings.text_binds] == ["texts"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"smpp": {"channels": "fax"}}, "no channel is called fax"),
        ({"binds": (bind("a", "hlr"),)}, "no bind can send"),
        ({"binds": (bind("a"), bind("b", "hlr"), bind("c", "hlr"))}, "hlr is configured twice"),
        ({"binds": (bind("a"), bind("b", "mail")), "mail": MAIL}, "mail is configured twice"),
        (
            {"binds": (bind("a"), bind("b", "hlr", "x"), bind("c", "ping", "x"))},
            "need the same channels",
        ),
        ({"mail": {"host": "mail.example.org"}}, "set SCSERV_MAIL__SENDER"),
        ({"mail": {"host": "a..b", "sender": "a@b.org"}}, "has to be a host name"),
        ({"smpp": {"host": "a..b"}}, "has to be a name or an IP address"),
        ({"smpp": {"standby": f"{'a' * 64}.org:2775"}}, "has to be a name or an IP address"),
        ({"mail": {"sender": "x"}}, "has to be an e-mail address"),
        (
            {"mail": {"host": "m", "sender": "a@b.org", "security": "none", "username": "u"}},
            "username needs TLS",
        ),
        (
            {"mail": {"host": "m", "sender": "a@b.org", "subject": "a\nBcc: eve@b.org"}},
            "one line",
        ),
        ({"telegram": {"token": "1:token"}}, "set SCSERV_TELEGRAM__BOT"),
        ({"telegram": {"url": "http://api.example.org"}}, "https://"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)):
        Settings.model_validate(values)
