"""Texts of channels in SMSC's form, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.parsers.channel_addresses import ChannelAddressError, parse_address
from inbound.parsers.channel_texts import (
    ChannelText,
    ChannelTextError,
    may_become_channel,
    parse_channel_text,
    readable,
)
from schemas.channels import Channel


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ("__MAIL__: Привет\nsubj:Заказ 5", ChannelText(Channel.MAIL, "Привет", "Заказ 5")),
        ("__MMS__: a\nb\nsubj: s ", ChannelText(Channel.MMS, "a\nb", "s")),
        ("__MAIL__: a\nsubj:b\nsubj:c", ChannelText(Channel.MAIL, "a\nsubj:b", "c")),
        ("__MAIL__: a\nsubj:b\nc", ChannelText(Channel.MAIL, "a\nsubj:b\nc")),
        ("__CALL__:hello\nvoice:m2", ChannelText(Channel.CALL, "hello", "m2")),
        ("__VIBER__: hi\nsubj:kept", ChannelText(Channel.VIBER, "hi\nsubj:kept")),
        ("__SOC__: hi", ChannelText(Channel.SOC, "hi")),
        ("__BOT__: hi\nbot:@our_bot", ChannelText(Channel.BOT, "hi", "@our_bot")),
        ("__HLR__", ChannelText(Channel.HLR)),
        ("__PING__\n", ChannelText(Channel.PING)),
        ("__FAX__: hi", None),
        ("hello __MAIL__: hi", None),
    ],
)
def test_texts_are_read_as_smsc_writes_them(written: str, parsed: ChannelText | None) -> None:
    assert parse_channel_text(written) == parsed


@pytest.mark.parametrize(
    "written",
    [
        "__MAIL__",
        "__MAIL__ hi",
        "__MAIL__:",
        "__MAIL__: \nsubj:empty",
        "__HLR__: +79161234567",
        "__MAIL__: hi\nsubj:" + "x" * 201,
        "__MAIL__: hi\nsubj:a\rBcc: other@example.org",
    ],
)
def test_a_text_that_begins_like_a_channel_and_has_not_its_form_is_refused(written: str) -> None:
    with pytest.raises(ChannelTextError) as error:
        parse_channel_text(written)
    assert "Bcc" not in str(error.value)


@given(
    st.sampled_from(list(Channel)),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=50),
)
def test_what_is_written_is_read_again(channel: Channel, text: str, option: str) -> None:
    is_textless = channel in {Channel.HLR, Channel.PING}
    has_option = channel not in {Channel.VIBER, Channel.SOC} and not is_textless
    message = ChannelText(channel, "" if is_textless else text, option if has_option else "")
    assert parse_channel_text(message.written()) == message
    assert readable(message.written(), channel) == message.text


@pytest.mark.parametrize(
    ("channel", "written", "address"),
    [
        (Channel.MAIL, " Anna.Ivanova+shop@Example.ORG ", "Anna.Ivanova+shop@example.org"),
        (Channel.MAIL, "anna@почта.рф", "anna@xn--80a1acny.xn--p1ai"),
        (Channel.BOT, "123456789", "123456789"),
        (Channel.BOT, "-1001234567890", "-1001234567890"),
    ],
)
def test_addresses_are_stored_in_one_form(channel: Channel, written: str, address: str) -> None:
    assert parse_address(channel, written) == address


@pytest.mark.parametrize(
    ("channel", "written"),
    [
        (Channel.MAIL, "anna"),
        (Channel.MAIL, "anna@localhost"),
        (Channel.MAIL, "anna@example.org, eve@example.org"),
        (Channel.MAIL, "anna@example.org\r\nBcc: eve@example.org"),
        (Channel.MAIL, "<anna@example.org>"),
        (Channel.MAIL, '"anna x"@example.org'),
        (Channel.MAIL, "anna@[127.0.0.1]"),
        (Channel.MAIL, "a" * 65 + "@example.org"),
        (Channel.BOT, "@anna"),
        (Channel.BOT, "12.5"),
        (Channel.SOC, "79161234567"),
    ],
)
def test_what_is_no_plain_address_is_refused(channel: Channel, written: str) -> None:
    with pytest.raises(ChannelAddressError) as error:
        parse_address(channel, written)
    assert "eve" not in str(error.value)


INVISIBLE = (
    "\0\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u202a\u2061\u2066\u2800\u3164\ufe0f\ufeff\uffa0"
)


@pytest.mark.parametrize("one", [*INVISIBLE, "\U000e0001", "\u2065"], ids=ascii)
def test_what_is_invisible_hides_no_channel(one: str) -> None:
    for text in (f"{one}__CALL__: hi", f" {one} __CALL__: hi", f"__ca{one}ll_{one}_: hi"):
        assert may_become_channel(text)


@pytest.mark.parametrize("text", ["a __CALL__: hi", "__FAX__: hi", "_ _CALL__", "", "й" * 1000])
def test_an_ordinary_text_stays_one(text: str) -> None:
    assert not may_become_channel(text)
