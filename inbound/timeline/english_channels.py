"""English phrases about messages of channels, where they differ from text messages. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, assert_never

from inbound.timeline.cases import ReplyProgress
from inbound.timeline.model import ReplyStatus
from inbound.timeline.order_cases import OrderCase, RefusalText
from schemas.channels import Channel
from schemas.orders import OrderState

NO_ADDRESS: Final = RefusalText(
    "our client directory has no address for it",
    "the address has to be loaded for the client",
)


def subject_of(channel: Channel) -> str:
    """Name a message of a channel, with its article."""
    match channel:
        case Channel.MAIL:
            return "An e-mail"
        case Channel.BOT:
            return "A Telegram message"
        case Channel.HLR:
            return "A question to the network about this number"
        case Channel.PING:
            return "A test whether the phone can be reached"
        case Channel.MMS:
            return "A multimedia message"
        case Channel.CALL:
            return "A call"
        case Channel.VIBER:
            return "A Viber message"
        case Channel.SOC:
            return "A message in a social network"
        case _:
            assert_never(channel)


def predicate(case: OrderCase, near: Callable[[datetime], str]) -> str | None:
    """Say how far the message of a channel got; None if that is the same as for a text message."""
    channel, message = case.decided.channel, case.message
    if channel is None:
        return None
    carrier = _carrier(channel)
    sent = f"was handed to {carrier} {near(message.sent_at or case.at)}"
    match case.state:
        case OrderState.SENT if case.unread:
            return f"{sent}; it may already have got further"
        case OrderState.SENT if channel is Channel.MAIL:
            return f"{sent}; whether it arrived, mail servers don't report"
        case OrderState.SENT if channel is Channel.BOT:
            return f"was put into the chat with our bot {near(message.sent_at or case.at)}"
        case OrderState.SENT:
            return f"{sent}; {carrier} has not reported its outcome yet"
        case OrderState.DELIVERED if channel is Channel.HLR:
            return f"was answered {near(message.at or case.at)}"
        case OrderState.DELIVERED:
            return f"was delivered {near(message.at or case.at)}"
        case OrderState.UNDELIVERED:
            return f"could not be delivered{_code(message)}"
        case OrderState.UNKNOWN if message.status is ReplyStatus.UNDETERMINED:
            return f"{sent}; {carrier} does not know whether it arrived"
        case OrderState.UNKNOWN if message.was_sent:
            return (
                f"was sent, but {carrier} never answered: it may or may not have arrived, and it "
                "is not sent again"
            )
        case OrderState.REJECTED if message.command_status is not None:
            return f"was refused by {carrier} and not sent"
        case _:
            return None


def _carrier(channel: Channel) -> str:
    match channel:
        case Channel.MAIL:
            return "the mail server"
        case Channel.BOT:
            return "Telegram"
        case _:
            return "the operator"


def _code(message: ReplyProgress) -> str:
    return f" (the operator's code {message.error})" if message.error else ""
