"""Kannel and its script, as the benchmark starts them beside a PostgreSQL."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

START_WITHIN_S: Final = 30.0
STOP_WITHIN_S: Final = 10.0

CONFIGURATION: Final = """
group = core
admin-port = {admin}
admin-password = none
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-file = "bearerbox.log"
log-level = 3
store-type = file
store-location = "store"
sms-incoming-queue-limit = -1

group = smsc
smsc = smpp
smsc-id = centre
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = user
smsc-password = secret
system-type = ""
address-range = ""
max-pending-submits = {window}
throughput = 0
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-file = "smsbox.log"
log-level = 3
global-sender = SCSERV

group = sms-service
keyword = client
get-url = "http://127.0.0.1:{app}/text?from=%p&text=%a"
accept-x-kannel-headers = true
omit-empty = true

group = sms-service
keyword = default
omit-empty = true
text = "x"

group = sendsms-user
username = app
password = app
max-messages = 10
"""


@contextmanager
def kannel(
    folder: Path, database_url: str, centre_port: int, window: int, ports: dict[str, int]
) -> Iterator[dict[str, int]]:
    """Start both boxes and the script; yield their pids once they can be reached.

    `ports` are those of `admin`, `box`, `sendsms` and `app`.
    """
    if shutil.which("bearerbox") is None:
        raise SystemExit("bench: Kannel is missing; `make versus` installs it")
    configuration = folder / "kannel.conf"
    configuration.write_text(
        CONFIGURATION.format(centre=centre_port, window=window, **ports), "utf-8"
    )
    # Debian's package puts smsbox where no PATH looks.
    smsbox = shutil.which("smsbox") or "/usr/lib/kannel/smsbox"
    script = [sys.executable, "-m", "tests.bench.kannel_app", database_url, str(ports["sendsms"])]
    with ExitStack() as stack:
        box = _start(stack, folder, ["bearerbox", "kannel.conf"])
        _wait_for(ports["box"], box)
        sender = _start(stack, folder, [smsbox, "kannel.conf"])
        _wait_for(ports["sendsms"], sender)
        app = _start(stack, Path.cwd(), [*script, str(ports["app"])])
        _wait_for(ports["app"], app)
        yield {"bearerbox": box.pid, "smsbox": sender.pid, "script": app.pid}


def _start(stack: ExitStack, folder: Path, words: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@retry(
    retry=retry_if_exception_type(OSError),
    stop=stop_after_delay(START_WITHIN_S),
    wait=wait_fixed(0.1),
    reraise=True,
)
def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise SystemExit(f"bench: {process.args!r} ended with status {process.returncode}")
    socket.create_connection(("127.0.0.1", port), 1).close()
