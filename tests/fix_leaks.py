"""Makes the test that leaks a socket or file fail, instead of a later one.

Python reports an unclosed socket or file when the object is collected. Objects in reference cycles
are collected later, during an unrelated test. So the garbage is collected after every test, once
its fixtures are finalised, and pytest turns what Python reports then into an error of that test.
"""

import gc
import socket
import sys
from collections.abc import Generator, Iterator
from typing import Any, Final

import pytest

_MUCH_GARBAGE: Final = 50_000  # objects


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage lie until everything is imported: nothing of it is a test's."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        # What a test drops is collected after it, so during a test only much garbage matters.
        gc.set_threshold(_MUCH_GARBAGE)
        _close_what_kafka_python_drops()
        _exempt_what_exists()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    try:
        yield
    finally:
        gc.collect()
        if nextitem is None or nextitem.path != item.path:
            _exempt_what_exists()


def _exempt_what_exists() -> None:
    """Exempt modules and caches from later collections, which then take 2 ms instead of 100."""
    gc.collect()
    gc.freeze()


def _close_what_kafka_python_drops() -> None:
    """Close the socket of a connection that ends while it is being made, which kafka-python drops.

    Version 3.0.12, `KafkaNetSocket.connect`: nobody else has the socket yet.
    """
    if (inet := sys.modules.get("kafka.net.inet")) is None:  # no test of this run uses it
        return
    connect = inet.KafkaNetSocket.sock_connect

    async def connect_or_close(
        self: object, net: Any, sock: socket.socket, *args: Any, **named: Any
    ) -> Any:
        try:
            return await connect(self, net, sock, *args, **named)
        except BaseException:
            sock.close()
            raise

    inet.KafkaNetSocket.sock_connect = connect_or_close
