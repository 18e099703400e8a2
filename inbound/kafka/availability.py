"""Checks whether Kafka is available, without the retries and logs of a client.

A process that has nothing to send or read would not notice that Kafka is down. `watch`
reports it in the process's health.
"""

import logging
import socket
import struct
import threading
from typing import Final

from inbound.errors import SetupError
from inbound.ops.health import Health

log = logging.getLogger(__name__)

CHECK: Final = "kafka"
EVERY_S: Final = 3.0
ANSWER_S: Final = 2.0

_LENGTH: Final = 10
_WHICH_VERSIONS: Final = struct.pack(">ihhih", _LENGTH, 18, 0, 0, -1)
"""ApiVersions, version 0, without a client id: every broker answers it (protocol guide)."""


def problem(bootstrap: str, timeout_s: float = ANSWER_S) -> str | None:
    """Return None if one of the addresses answers, else why the last one did not.

    Sends a request, because a hanging broker still accepts connections. Blocks up to
    `timeout_s` per step and address. Raises `SetupError` for a malformed address.
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
            raise SetupError(f"Kafka's address {address!r} is malformed; use HOST:PORT") from None
        except TimeoutError:
            found = f"no answer within {timeout_s:g} s"
        except OSError as error:
            found = error.strerror or str(error)
    return found


def watch(bootstrap: str, health: Health, every_s: float = EVERY_S) -> None:
    """Update the health condition `kafka` every `every_s` seconds, in a daemon thread.

    Logs when Kafka goes away and when it can be reached again.
    """

    def look_forever() -> None:
        pause, was_away = threading.Event(), False
        while True:
            found = problem(bootstrap)
            reason = f"no Kafka at {bootstrap}: {found}"
            health.set(CHECK, ok=found is None, reason=reason)
            is_away = found is not None
            if is_away and not was_away:
                log.warning("%s", reason)
            elif was_away and not is_away:
                log.info("Kafka at %s can be reached again", bootstrap)
            was_away = is_away
            pause.wait(every_s)

    threading.Thread(target=look_forever, name="watch kafka", daemon=True).start()
