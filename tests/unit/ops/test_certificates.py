"""When certificates expire: our own, and those that servers show."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inbound.ops import certificates
from inbound.ops.metrics import CERTIFICATE_EXPIRY
from tests.certificates import Authority
from tests.patience import PATIENCE_S


def expiry(called: str) -> float | None:
    return CERTIFICATE_EXPIRY.values().get(frozenset({("certificate", called)}))


def is_tomorrow(at: float | None) -> bool:
    wanted = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    return at is not None and abs(at - wanted) < PATIENCE_S


@pytest.fixture
def called() -> Iterator[str]:
    yield "tests"
    CERTIFICATE_EXPIRY.forget({"certificate": "tests"})


def test_our_own_certificate_is_read_where_it_is_loaded(tmp_path: Path, called: str) -> None:
    file = Authority(tmp_path, "authority").issue("own")
    certificates.note_own(called, file)
    assert is_tomorrow(expiry(called))


def test_of_a_chain_the_certificate_that_expires_first_counts(tmp_path: Path, called: str) -> None:
    authority = Authority(tmp_path, "authority")
    later = authority.issue("later", days=30)
    file = tmp_path / "chain.pem"
    file.write_bytes(later.read_bytes() + authority.issue("own").read_bytes())
    certificates.note_own(called, file)
    assert is_tomorrow(expiry(called))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_can_not_be_read_is_left_to_those_who_load_it(
    tmp_path: Path, called: str, content: str | None
) -> None:
    file = tmp_path / "broken.pem"
    if content is not None:
        file.write_text(content)
    certificates.note_own(called, file)
    certificates.note_own(called, None)
    assert expiry(called) is None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """A server that shows a certificate of an authority that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Authority(tmp_path, "stranger").issue("server"))
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listening.accept()
        with context.wrap_socket(plain, server_side=True) as encrypted:
            encrypted.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listening.getsockname()
    thread.join()
    listening.close()


def test_a_server_is_asked_for_its_certificate(server: tuple[str, int], called: str) -> None:
    certificates.ask_server(called, server)
    assert is_tomorrow(expiry(called))
