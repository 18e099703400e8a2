"""What a client of OpenSSL is told, by real servers and alerts, in words and with a setting."""

import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from inbound.kafka.availability import problem
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.handshake import KafkaRefusalError
from inbound.tls_faults import TlsFault, tls_fault, tls_words
from tests.patience import PATIENCE_S
from tests.tls_server import alert, raw_server, tls_server
from tests.unit.smpp.certificate import self_signed

TLS = ssl.TLSVersion


def refusal(port: int, trusted: Path | None = None, host: str = "127.0.0.1") -> OSError:
    """Return the error of a client that connects and reads."""
    context = ssl.create_default_context(cafile=trusted)
    try:
        with (
            socket.create_connection((host, port), timeout=PATIENCE_S) as connection,
            context.wrap_socket(connection, server_hostname=host) as encrypted,
        ):
            encrypted.recv(1)
    except OSError as error:
        return error
    pytest.fail("the server refused nothing")


def old(context: ssl.SSLContext, _: Path) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = TLS.TLSv1, TLS.TLSv1_1


def without_our_ciphers(context: ssl.SSLContext, _: Path) -> None:
    context.maximum_version = TLS.TLSv1_2
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")


def known_clients_only(context: ssl.SSLContext, certificate: Path) -> None:
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED


def known_clients_over_1_2(context: ssl.SSLContext, certificate: Path) -> None:
    context.maximum_version = TLS.TLSv1_2
    known_clients_only(context, certificate)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (old, TlsFault.OLD),
        (without_our_ciphers, TlsFault.UNAGREED),
        (known_clients_only, TlsFault.OUR_CERTIFICATE),
        (known_clients_over_1_2, TlsFault.UNAGREED),
    ],
)
def test_refusals_of_a_server(
    tmp_path: Path, change: Callable[[ssl.SSLContext, Path], None], fault: TlsFault
) -> None:
    certificate = self_signed(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    change(context, certificate)
    with tls_server(context) as port:
        assert tls_fault(refusal(port, certificate)) is fault


def test_certificates_that_we_refuse(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with tls_server(context) as port:
        checks = {TlsFault.UNTRUSTED: "check tls_ca"}
        said = tls_words(refusal(port), checks)
        assert said == "its certificate is not trusted; check tls_ca (self-signed certificate)"
        other = refusal(port, certificate, "localhost")
        assert tls_words(other) == "its certificate is for another host"


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (-2, "its certificate, or its authority's, has expired; have it renewed there"),
        (
            2,
            (
                "its certificate, or its authority's, is not valid yet; "
                "compare the clocks of both machines"
            ),
        ),
    ],
)
def test_a_certificate_that_is_not_valid_now_is_no_matter_of_our_settings(
    tmp_path: Path, days: int, said: str
) -> None:
    certificate = self_signed(tmp_path / "server.pem", timedelta(days=days))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with tls_server(context) as port:
        assert tls_words(refusal(port, certificate), {TlsFault.UNTRUSTED: "check tls_ca"}) == said
        kafka = KafkaConnection(f"127.0.0.1:{port}", "SSL", tls_ca=certificate)
        with pytest.raises(KafkaRefusalError, match=said.replace("; ", ": ")):
            problem(kafka)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (alert(40), TlsFault.UNAGREED),
        (alert(42), TlsFault.OUR_CERTIFICATE),
        (alert(45), TlsFault.OUR_CERTIFICATE),
        (alert(48), TlsFault.OUR_CERTIFICATE),
        (alert(70), TlsFault.OLD),
        (alert(71), TlsFault.UNAGREED),
        (alert(80), TlsFault.OTHER),
        (alert(112), TlsFault.OTHER_HOST),
        (alert(116), TlsFault.OUR_CERTIFICATE),
        (b"220 mail.test ESMTP\r\n", TlsFault.NO_TLS),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsFault.NO_TLS),
        (b"", TlsFault.BROKEN_OFF),
    ],
)
def test_answers_to_the_first_octets(answer: bytes, fault: TlsFault) -> None:
    with raw_server(answer) as port:
        assert tls_fault(refusal(port)) is fault


def test_other_errors_are_none_of_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port: int = unused.getsockname()[1]
    assert tls_fault(refusal(port)) is None
