"""`scserv smsc`: the built-in SMS centre alone."""

import asyncio
import sys

import click

from inbound.errors import SetupError
from inbound.ops import logs
from inbound.ops.parent import end_with_parent


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="Where it listens.")
@click.option("--port", default=2775, show_default=True, help="Where it listens.")
@click.option("--number", default="+79086228779", show_default=True, help="Number of the service.")
@click.option("--system-id", default="scserv", show_default=True, help="Account of the service.")
@click.option(
    "--password", required=True, envvar="SCSERV_SMPP__PASSWORD", help="Its password; or a variable."
)
@click.option("--rate", default=0.0, show_default=True, help="submit_sm per second; 0: no limit.")
def smsc(host: str, port: int, number: str, system_id: str, password: str, rate: float) -> None:
    """Run an SMS centre for trial and tests.

    The service binds with its account; a phone binds as system_id "phone" with its number as
    address_range. Messages are kept in memory and are gone when the centre ends.
    """
    from inbound.cli._running import run_role
    from inbound.smsc.centre import Account, Centre, CentreSettings

    logs.configure("info", name="smsc")
    end_with_parent()
    account = Account(system_id, password, number, rate)
    centre = Centre(CentreSettings(host=host, port=port, accounts=(account,)))

    async def main() -> None:
        try:
            await centre.start()
        except OSError as error:
            raise SetupError(
                f"the SMS centre can't listen on {host}:{port}: {error.strerror}; choose another "
                "--port"
            ) from error
        click.echo(f"SMS centre on {host}:{centre.port} for {number}")
        try:
            await asyncio.Event().wait()
        finally:
            await centre.close()

    sys.exit(run_role(main))
