"""`scserv clients addresses`: loads where clients get messages of a channel."""

from pathlib import Path

import click

from inbound.cli._context import settings_options
from inbound.cli._database import open_database
from inbound.cli._format import counted
from inbound.settings import Settings
from inbound.startup import check_database
from inbound.tables.reader import open_table
from inbound.terminal import echo
from schemas.channels import Channel


@click.command("addresses")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--channel",
    type=click.Choice([Channel.MAIL.value, Channel.BOT.value]),
    required=True,
    help="mail: e-mail addresses; bot: the ids of chats with the bot.",
)
@settings_options
def load_addresses(settings: Settings, *, file: Path, channel: str) -> None:
    """Set where the clients in FILE get messages of a channel: columns client_id and address.

    Clients that it does not name keep theirs; an empty address removes it.
    """
    from inbound.directory.client_addresses import (
        ADDRESS_COLUMNS,
        AddressSealer,
        address_reader,
        set_addresses,
    )

    of = Channel(channel)
    sealer = AddressSealer(check_database(settings), settings.vault_keys())
    with (
        open_table(file, ADDRESS_COLUMNS) as table,
        open_database(settings, "scserv clients addresses", long=True) as connection,
    ):
        rows = address_reader(of)(table.rows())
        known, unknown = set_addresses(connection, of, rows, sealer)
    echo(f"loaded: the address of {counted(known, 'client')}")
    if unknown:
        echo(f"not in the directory: {counted(unknown, 'client')}; import them first", err=True)
