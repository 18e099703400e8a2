"""Is there a Kafka? A bare question says so at once, where the clients retry and log.

A process that has nothing to send or to read would not notice that Kafka is away; with
`watch` its health says so, and since when it is back.
"""

import socket
import struct
import threading
from typing import Final

from inbound.errors import SetupError
from inbound.ops.health import Health

CHECK: Final = "kafka"
EVERY_S: Final = 3.0
ANSWER_S: Final = 2.0

_LENGTH: Final = 10
_WHICH_VERSIONS: Final = struct.pack(">ihhih", _LENGTH, 18, 0, 0, -1)
"""ApiVersions, version 0, from nobody: every broker answers it (Kafka protocol guide)."""


def problem(bootstrap: str, timeout_s: float = ANSWER_S) -> str | None:
    """Return None when one of the addresses answers, else why the last one didn't.

    Blocks up to `timeout_s` for each step at each address. Raises SetupError for what is no
    address. A broker that hangs still takes connections: so it is asked something.
    """
    found = "no address given"
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            where = host.strip("[]"), int(port)
            with socket.create_connection(where, timeout=timeout_s) as connection:
                connection.sendall(_WHICH_VERSIONS)
                if connection.recv(1):
                    return None
                found = "it closes the connection; is this Kafka?"
        except ValueError:
            raise SetupError(f"Kafka's address {address!r} is not HOST:PORT") from None
        except TimeoutError:
            found = f"no answer within {timeout_s:g} s"
        except OSError as error:
            found = error.strerror or str(error)
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
