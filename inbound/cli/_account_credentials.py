"""`scserv accounts credentials`: how the programs of an account sign in at the ingress."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from inbound.cli._account_senders import APPLICATION_NAME, find_account
from inbound.cli._context import service_settings_options
from inbound.cli._database import open_database
from inbound.cli._os_user import os_user
from inbound.settings import Settings
from inbound.startup import index_key_of
from inbound.terminal import echo, echo_json
from inbound.wording import both

if TYPE_CHECKING:
    import psycopg

    from inbound.ingress.credentials import Credentials


@click.command
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@service_settings_options
def credentials(settings: Settings, name: str, *, as_json: bool) -> None:
    """Make new credentials for programs of the account NAME, and print them once.

    Earlier credentials of the account become invalid.
    """
    with open_database(settings, APPLICATION_NAME) as connection:
        made = make_credentials(settings, connection, name)
    if as_json:
        echo_json(asdict(made))
        return
    for field, value in asdict(made).items():
        echo(f"{field:<11}{value}")
    echo(
        both(
            "shown once; docs/INGRESS.md says which program needs what",
            "показаны один раз; что нужно какой программе — в docs/INGRESS.md",
        )
    )


def make_credentials(
    settings: Settings, connection: "psycopg.Connection", name: str
) -> "Credentials":
    """Store new credentials of an account and return them. Raises SetupError without one."""
    from inbound.ingress.credentials import new_credentials, verifiers_of
    from inbound.keys import CredentialHasher
    from inbound.store.access.account_credentials import put_credentials

    hasher = CredentialHasher(index_key_of(connection, settings))
    made = new_credentials(name, find_account(connection, name).number)
    put_credentials(connection, verifiers_of(hasher, name, made), actor=os_user())
    return made
