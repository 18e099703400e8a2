"""Is there a Kafka? A bare connection says so at once, where the clients retry and log.

A process that has nothing to send or to read would not notice that Kafka is away; with
`watch` its health says so, and since when it is back.
"""

import socket
import threading
from typing import Final

from inbound.errors import SetupError
from inbound.ops.health import Health

CHECK: Final = "kafka"
EVERY_S: Final = 3.0
CONNECT_S: Final = 2.0


def problem(bootstrap: str, timeout_s: float = CONNECT_S) -> str | None:
    """Return None when one of the addresses takes a connection, else why the last one didn't.

    Blocks up to `timeout_s` for each address. Raises SetupError for what is no address.
    """
    found = "no address given"
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_s).close()
        except ValueError:
            raise SetupError(f"Kafka's address {address!r} is not HOST:PORT") from None
        except OSError as error:
            found = error.strerror or str(error)
        else:
            return None
    return found


def watch(bootstrap: str, health: Health, every_s: float = EVERY_S) -> None:
    """Keep the condition `kafka` of a process up to date, in a thread that ends with it."""

    def look_forever() -> None:
        pause = threading.Event()
        while True:
            found = problem(bootstrap)
            health.set(CHECK, ok=found is None, reason=f"no Kafka at {bootstrap}: {found}")
            pause.wait(every_s)

    threading.Thread(target=look_forever, name="watch kafka", daemon=True).start()
