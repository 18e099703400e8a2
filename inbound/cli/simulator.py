"""`scserv simulator`: the simulated SMS centre, with faults on request."""

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from inbound.cli._arguments import PORT
from inbound.cli._passwords import VARIABLE, password_file_option
from inbound.errors import SetupError
from inbound.ops import logs
from inbound.ops.parent import end_with_parent
from inbound.terminal import echo

if TYPE_CHECKING:
    from inbound.local.simulator.server import Simulator, SimulatorSettings

FILE = click.Path(path_type=Path)
PHONE_VARIABLE = "SCSERV_PHONE_PASSWORD"

log = logging.getLogger(__name__)


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=PORT, default=2775, show_default=True, help="Port to listen on; 0: any."
)
@click.option("--number", default="+79086228779", show_default=True, help="Number of the service.")
@click.option("--system-id", default="scserv", show_default=True, help="Account of the service.")
@password_file_option
@click.option(
    "--phone-password-file",
    type=FILE,
    help=f"File with the password of phones; {PHONE_VARIABLE} or {PHONE_VARIABLE}_FILE do the"
    " same. Without one they need none, but another user's are refused.",
)
@click.option("--rate", default=0.0, show_default=True, help="submit_sm per second; 0: no limit.")
@click.option("--accounts", type=FILE, help="TOML file of accounts, replacing --number to --rate.")
@click.option("--magic", is_flag=True, help="Choose faults by the last digits of a number.")
@click.option("--script", type=FILE, help="TOML file of faults.")
@click.option(
    "--hostile",
    multiple=True,
    metavar="NAME",
    help="Attack the clients with a kind of value or PDUs; may be repeated.",
)
@click.option("--dialect", default="standard", show_default=True, help="Format of receipts.")
@click.option("--strict-binds", is_flag=True, help="Obey system_type MCON2 and SINGLE.")
@click.option(
    "--query-limit", default=1000, show_default=True, help="Newest messages that query_sm finds."
)
@click.option("--ledger", type=FILE, help="Append all traffic to this NDJSON file.")
@click.option("--ledger-texts", is_flag=True, help="Include message texts in the ledger.")
@click.option("--stats-every", default=0.0, help="Seconds between statistics lines; 0: none.")
@click.option("--cert", type=FILE, help="TLS certificate of the SMS centre (PEM).")
@click.option("--key", type=FILE, help="Key of --cert, if in a file of its own.")
@click.option("--client-ca", type=FILE, help="CA of client certificates (PEM).")
def simulator(  # noqa: PLR0913 — click passes each option by its name
    *,
    host: str,
    port: int,
    number: str,
    system_id: str,
    password_file: Path | None,
    phone_password_file: Path | None,
    rate: float,
    accounts: Path | None,
    magic: bool,
    script: Path | None,
    hostile: tuple[str, ...],
    dialect: str,
    strict_binds: bool,
    query_limit: int,
    ledger: Path | None,
    ledger_texts: bool,
    stats_every: float,
    cert: Path | None,
    key: Path | None,
    client_ca: Path | None,
) -> None:
    """Run a simulated SMS centre. docs/SIMULATOR.md explains its faults.

    The service binds with its account; a phone binds as system_id "phone" with its number as
    address_range, and with the phones' password if there is one. Messages are kept in
    memory only. SIGUSR1 logs a line of statistics.
    """
    from inbound.cli._runner import run_role
    from inbound.local.simulator.accounts import load_accounts
    from inbound.local.simulator.ledger import PduLedger
    from inbound.local.simulator.script import Script, load_script, with_hostility
    from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
    from inbound.local.simulator.tls import server_context

    logs.configure("info", name="simulator")
    end_with_parent()
    if cert is None and (key or client_ca):
        raise SetupError("--key and --client-ca need --cert")
    settings = SimulatorSettings(
        host=host,
        port=port,
        accounts=load_accounts(accounts)
        if accounts
        else (SimulatorAccount(system_id, _account_password(password_file), number, rate),),
        phone_password=_password(phone_password_file, "--phone-password-file", PHONE_VARIABLE),
        dialect=dialect,
        strict_binds=strict_binds,
        query_limit=query_limit,
        magic=magic,
        script=with_hostility(load_script(script) if script else Script(), hostile),
    )
    with ExitStack() as stack:
        file = stack.enter_context(_append(ledger)) if ledger else None
        centre = Simulator(
            settings,
            ledger=PduLedger(0, time.monotonic, texts=ledger_texts, file=file),
            ssl=server_context(cert, key, client_ca) if cert else None,
        )
        status = run_role(lambda: _run(centre, settings, stats_every))
    sys.exit(status)


async def _run(centre: "Simulator", settings: "SimulatorSettings", stats_every: float) -> None:
    try:
        await centre.start()
    except OSError as error:
        raise SetupError(
            f"the SMS centre can't listen on {settings.host}:{settings.port}: {error.strerror}; "
            "`scserv simulator --port` chooses another, and `scserv up` does when it starts again"
        ) from error
    numbers = ", ".join(number for account in settings.accounts for number in account.numbers)
    echo(f"SMS centre on {settings.host}:{centre.port} for {numbers}")
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, _log_statistics, centre)
    try:
        if not stats_every:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(stats_every)
            _log_statistics(centre)
    finally:
        await centre.close()


def _log_statistics(centre: "Simulator") -> None:
    log.info("%s", centre.statistics())


def _account_password(file: Path | None) -> str:
    if password := _password(file, "--password-file", VARIABLE):
        return password
    raise SetupError(f"give --password-file (or set {VARIABLE}), or --accounts")


def _password(file: Path | None, option: str, variable: str) -> str:
    """Return a password from the file, or else from the variables; "" if none is given."""
    from inbound.settings.smpp import PASSWORD_MAX, read_value

    password, named = os.environ.get(variable, ""), os.environ.get(f"{variable}_FILE")
    if file is not None:
        option, password = f"{option} {file}", read_value(option, file)
    elif not password and named:
        option, password = f"{variable}_FILE", read_value(f"{variable}_FILE", Path(named))
    else:
        option = variable
    if len(password) > PASSWORD_MAX:
        raise SetupError(f"{option}: a password in SMPP has at most {PASSWORD_MAX} characters")
    return password


def _append(path: Path) -> TextIO:
    """Open a file that is flushed after every line."""
    try:
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise SetupError(f"--ledger {path}: {error.strerror}") from error
