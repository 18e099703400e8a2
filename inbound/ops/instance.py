"""Names for processes."""

import os
import socket
from secrets import token_hex


def new_instance_name() -> str:
    """Return a name that no other process ever has: host name, number and a random end.

    In a container that is started again host name and number are the same.
    """
    return f"{socket.gethostname()}-{os.getpid()}-{token_hex(3)}"
