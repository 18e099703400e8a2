"""`scserv text`: texts the service from a simulated phone and prints the replies."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import click

from inbound.cli._alarms import BAD, ask_status, in_words
from inbound.cli._context import settings_options
from inbound.errors import MissingSettingError, SetupError
from inbound.local.simulator.phone import Phone, ReceivedMessage
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.settings import Settings
from inbound.smpp.errors import BindRefusedError, SmppError
from inbound.smpp.status import Status
from inbound.terminal import Terminal, echo

REPLIES = 2
EARLIER_S = 0.2


@click.command
@click.argument("number")
@click.argument("text")
@click.option("--wait", "wait_s", default=10.0, show_default=True, help="Seconds for each reply.")
@settings_options
def text(settings: Settings, number: str, text: str, wait_s: float) -> None:
    """Send TEXT from NUMBER through the simulated SMS centre and print the replies.

    Exit status 0 when both replies came, otherwise 1. A reply that comes again, because the SMS
    centre did not answer, counts once. A text that is not a command gets no reply. If one is
    missing, what is wrong with the service is printed, as `scserv status` does.
    """
    if "smpp" not in settings.model_fields_set:
        # The default port may be that of somebody else's SMS centre, whose messages are taken.
        raise MissingSettingError("SCSERV_SMPP__PORT")
    try:
        msisdn = parse_msisdn(number)
    except NumberError as error:
        raise SetupError(f"NUMBER: {error}") from error
    received = asyncio.run(_converse(settings, msisdn, text, wait_s))
    if received < REPLIES:
        _say_why(settings)
    click.get_current_context().exit(0 if received == REPLIES else 1)


def _say_why(settings: Settings) -> None:
    """Say what is wrong with the service, if anything is that clients notice."""
    from inbound.desk.status.alarms import alarms_of

    if not settings.database_url:
        return
    for what, todo, colour in in_words(alarms_of(ask_status(settings)), settings):
        if colour == BAD:
            echo(f"{what} {todo}")


async def _show_earlier(phone: Phone, console: Terminal) -> None:
    """Print messages that were waiting, so that they aren't taken for replies."""
    with contextlib.suppress(TimeoutError):
        while True:
            message = await asyncio.wait_for(phone.receive(), EARLIER_S)
            console.print(f"{message.sender} (earlier)  {message.text}", style="dim")


async def print_replies(
    receive: Callable[[], Awaitable[ReceivedMessage]],
    console: Terminal,
    begin: float,
    wait_s: float,
) -> int:
    """Print messages until both replies came, or none for `wait_s`; return how many came.

    `begin` is when the text was sent (`time.monotonic`). The acknowledgement and the fulfilment
    have different texts, so the same text again is a copy.
    """
    replies: set[str] = set()
    while len(replies) < REPLIES:
        try:
            message = await asyncio.wait_for(receive(), wait_s)
        except TimeoutError:
            what = "no further message" if replies else "no message"
            console.print(f"{what} within {wait_s:g} s", style="dim")
            break
        again = " (again)" if message.text in replies else ""
        replies.add(message.text)
        after_s = time.monotonic() - begin
        console.print(f"{message.sender} after {after_s:.2f} s{again}", style="bold", end="  ")
        for line in message.text.split("\n"):  # a template may have several
            console.print(line)
    return len(replies)


async def _converse(settings: Settings, number: str, text: str, wait_s: float) -> int:
    console = Terminal()
    smpp = settings.smpp
    phone = Phone(
        smpp.host,
        smpp.port,
        number,
        federal=settings.federal_number,
        password=settings.phone_password.get_secret_value(),
    )
    try:
        async with phone:
            await _show_earlier(phone, console)
            begin = time.monotonic()
            await phone.text(text)
            console.print(f"{number} -> {settings.federal_number}: {text}")
            return await print_replies(phone.receive, console, begin, wait_s)
    except BindRefusedError as error:
        if error.status != Status.ESME_RINVPASWD:
            raise _no_centre(settings, error) from error
        raise SetupError(
            f"the SMS centre at {smpp.host}:{smpp.port} refuses phones of this user: text as the"
            " user who runs it, or set SCSERV_PHONE_PASSWORD or SCSERV_PHONE_PASSWORD_FILE if it"
            " has a password for phones"
        ) from error
    except (OSError, SmppError) as error:
        raise _no_centre(settings, error) from error


def _no_centre(settings: Settings, error: Exception) -> SetupError:
    return SetupError(
        f"no simulated SMS centre at {settings.smpp.host}:{settings.smpp.port}: {error}; is"
        " `scserv up` running without --smsc and with this --data-dir?"
    )
