"""`scserv up`: the whole service in the foreground, with its own servers by default."""

import asyncio
import logging
import os
import secrets
import string
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from inbound.cli._arguments import PORT
from inbound.cli._passwords import VARIABLE as PASSWORD
from inbound.cli._passwords import password_file_option
from inbound.errors import SetupError
from inbound.private_files import prepare_folder, prepare_subfolder, read_secret, write_file
from inbound.service_file import DEFAULT_DATA_DIR

if TYPE_CHECKING:
    from inbound.local.forks import ForkServer
    from inbound.settings import Settings

_CHARACTERS: Final = string.ascii_letters + string.digits


@click.command
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_DATA_DIR,
    show_default=True,
    help="Folder for data, keys and logs.",
)
@click.option("--port", type=PORT, help="Port of /health/ready; 0: any.  [default: 8080 if free]")
@click.option(
    "--api-port", type=PORT, help="Port of the HTTP API; 0: any.  [default: 8090 if free]"
)
@click.option("--desk-port", type=PORT, help="Port of the desk; 0: any.  [default: 8070 if free]")
@click.option(
    "--ingress-port",
    type=PORT,
    help="Port of the dialects of other services; 0: any.  [default: 8100 if free]",
)
@click.option(
    "--smpp-port",
    type=PORT,
    help="Port of the SMPP server for programs; 0: any.  [default: 2776 if free]",
)
@click.option(
    "--smsc",
    metavar="HOST:PORT",
    help="SMS centre to use, without sample clients; default: a simulated one, with them.",
)
@click.option("--system-id", metavar="ID", help="Account at that SMS centre.")
@password_file_option
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file.")
def up(
    data_dir: Path,
    *,
    port: int | None,
    smsc: str | None,
    system_id: str | None,
    password_file: Path | None,
    config: Path | None,
    **ports: int | None,
) -> None:
    """Run the whole service until Ctrl-C.

    Without SCSERV_DATABASE_URL and SCSERV_KAFKA_BOOTSTRAP_SERVERS it starts its own PostgreSQL
    and Apache Kafka, kept in the data folder.
    """
    from inbound.local.spawning import role_fork_server
    from inbound.ops.garbage import collect_rarely

    collect_rarely()  # most of what comes now are imports
    with role_fork_server() as fork_server:  # before the settings, which take long to import
        _export_options(smsc, system_id, password_file)
        _export_ports(ports)
        status = _run(data_dir, port, config, fork_server, has_centre=smsc is not None)
    sys.exit(status)


def _run(
    data_dir: Path,
    port: int | None,
    config: Path | None,
    fork_server: "ForkServer | None",
    *,
    has_centre: bool,
) -> int:
    from inbound.cli._os_user import os_user
    from inbound.cli._runner import run_until_signal
    from inbound.local.folder_lock import locked_folder, remove_unused
    from inbound.local.service import LocalService
    from inbound.ops import telemetry
    from inbound.settings import load_settings

    data_dir = data_dir.absolute()
    given, is_new = load_settings(config), not data_dir.exists()
    make_folder(data_dir)
    try:
        with locked_folder(data_dir):
            settings = load_settings(config, make_keys(data_dir, given))
            built_in = not has_centre and not settings.binds
            if built_in:
                settings = _with_password(data_dir, settings)
            service = LocalService(
                settings,
                data_dir,
                port,
                config,
                built_in_simulator=built_in,
                operator=os_user(),
                fork_server=fork_server,
            )
            # This process has no log, so nothing would hide the tracebacks of a missing collector.
            logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
            telemetry.start("up")
            status = asyncio.run(run_until_signal(service.run))
            telemetry.stop(is_orderly=status == 0)
            return status
    except SetupError:
        if is_new:
            remove_unused(data_dir)
        raise


def _export_options(smsc: str | None, system_id: str | None, password_file: Path | None) -> None:
    """Set environment variables, which win over the file and reach the child processes."""
    given = {"SYSTEM_ID": system_id}
    if password_file is not None:
        os.environ.pop(PASSWORD, None)  # it would win over the file
        given["PASSWORD_FILE"] = str(password_file.absolute())
    if smsc is not None:
        host, _, number = smsc.rpartition(":")
        if {"@", "/"} & set(smsc):  # not repeated: it may contain a password
            raise SetupError(
                "--smsc takes HOST:PORT; give the account with --system-id and --password-file"
            )
        if not host or not number.isdecimal():
            raise SetupError(f"--smsc {smsc}: not of the form HOST:PORT")
        given |= {"HOST": host.strip("[]"), "PORT": number}
    for name, value in given.items():
        if value is not None:
            os.environ[f"SCSERV_SMPP__{name}"] = value


def _export_ports(ports: Mapping[str, int | None]) -> None:
    """Set the variables of the ports that were chosen, by option: such as `api_port`."""
    from inbound.settings import SmppServerSettings

    groups = {"smpp_port": SmppServerSettings.group}  # not called as its option
    for name, chosen in ports.items():
        if chosen is not None:
            group = groups.get(name) or name.removesuffix("_port").upper()
            os.environ[f"SCSERV_{group}__PORT"] = str(chosen)


def make_folder(data_dir: Path) -> None:
    """Create the data folder. Raises `SetupError` if others could change or replace it."""
    try:
        prepare_folder(data_dir)
        prepare_subfolder(data_dir / "keys")
    except OSError as error:
        raise SetupError(
            f"--data-dir {data_dir}: {error.strerror}; choose a folder that you can write to"
        ) from error
    except SetupError as error:
        raise SetupError(f"--data-dir {error}") from error


def make_keys(data_dir: Path, settings: "Settings") -> dict[str, str]:
    """Return keys for those not set, from the data folder. The first start creates them."""
    keys = {}
    for name, value in (("vault_key", settings.vault_key), ("subject_key", settings.subject_key)):
        if not value.get_secret_value():
            keys[name] = _stored_secret(data_dir / "keys" / name, lambda: secrets.token_hex(32))
    return keys


def _with_password(data_dir: Path, settings: "Settings") -> "Settings":
    """Set the password of our account at the built-in SMS centre."""
    from pydantic import SecretStr

    password = SecretStr(_stored_secret(data_dir / "keys" / "smpp_password", _new_password))
    return settings.model_copy(
        update={"smpp": settings.smpp.model_copy(update={"password": password})}
    )


def _new_password() -> str:
    from inbound.settings.smpp import PASSWORD_MAX

    return "".join(secrets.choice(_CHARACTERS) for _ in range(PASSWORD_MAX))


def _stored_secret(path: Path, new: Callable[[], str]) -> str:
    if not path.exists():
        write_file(path, new() + "\n")
    return read_secret(path).strip()
