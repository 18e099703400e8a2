"""What `scserv up` prints when the service is ready: where everything listens, and what to try."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from inbound.local.probes import url_of
from inbound.local.samples import SAMPLES
from inbound.service_file import DEFAULT_DATA_DIR, SERVICE_FILE
from inbound.settings import Settings


def ready_lines(
    settings: Settings, ports: Mapping[str, int], data_dir: Path, *, has_simulator: bool
) -> Iterator[str]:
    """Yield the lines before those of the desk and the health port.

    `ports` are those of the listeners, by name.
    """
    smpp = settings.smpp
    yield f"logs in {data_dir / 'logs'}, settings in {data_dir / SERVICE_FILE}"
    if has_simulator:
        yield f"built-in SMS centre on {smpp.host}:{smpp.port}; sample clients:"
        for number, client, *_ in SAMPLES:
            yield f"    {number}  {client}"
        yield f'try: {_command("text", data_dir)} {SAMPLES[0][0]} "CLIENT info"'
    else:
        for bind in settings.all_binds:
            yield f"bind {bind.bind} to {bind.host}:{bind.port} as {bind.system_id}"
    yield f"HTTP API on {url_of(settings.api, ports['api'])}; for a token:"
    yield f"    {_command('tokens create', data_dir)} --name me --scope read"
    if found := entry_points(settings, ports):
        yield f"ingress: {found}"


def entry_points(settings: Settings, ports: Mapping[str, int]) -> str:
    """Return the listeners of the ingress that are switched on."""
    smpp, smtp = settings.smpp_server, settings.smtp_server
    http = [url_of(settings.ingress, ports["ingress"])] if settings.ingress.on else []
    over_smpp = [f"smpp {smpp.host}:{ports['smpp']}"] if smpp.on else []
    over_smtp = [f"smtp {smtp.host}:{ports['smtp']}"] if smtp.on else []
    return " ".join([*http, *over_smpp, *over_smtp])


def _command(words: str, data_dir: Path) -> str:
    """Return a command line for this installation: `make up` puts nothing on the PATH."""
    here = data_dir == DEFAULT_DATA_DIR.absolute()
    return f"{sys.argv[0]} {words}{'' if here else f' --data-dir {data_dir}'}"
