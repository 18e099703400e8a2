"""SIGTERM and SIGINT for the processes that work on one thread, without an event loop."""

import signal
import socket
import threading
from typing import Final

_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


def stop_event() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. Call it once, on the main thread.

    A thread sets it, never a handler: a handler interrupts the main thread anywhere, also where
    that holds the event's own lock, as in `wait` or in the handler of the signal before, and would
    wait for it for ever. Python's C handler only writes the signal's number to a socket
    (`signal.set_wakeup_fd`).
    """
    stopping = threading.Event()
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for number in _STOPPING:
        signal.signal(number, _do_nothing)
    arguments = reader, writer, stopping
    threading.Thread(target=_watch, args=arguments, name="signals", daemon=True).start()
    return stopping


def _watch(reader: socket.socket, _writer: socket.socket, stopping: threading.Event) -> None:
    """Set the event at the first signal. Holds the writer, which would be closed otherwise."""
    while reader.recv(1)[0] not in _STOPPING:
        pass
    stopping.set()
    while True:  # both ends stay open: later signals are written, too
        reader.recv(1)


def _do_nothing(*_: object) -> None:
    """Stand in for the default action, which would end the process."""
