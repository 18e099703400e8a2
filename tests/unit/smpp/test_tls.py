"""A bind over TLS: the session does not know the difference."""

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inbound.smpp.esme import BindSettings, Esme, EsmeState
from inbound.smpp.listener import listen
from inbound.smpp.pdu import Bind
from inbound.smpp.session import Session
from tests.unit.smpp.peer import no_requests, submit


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a self-signed certificate for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "centre")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    octets = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(pem)
    path = tmp_path / "centre.pem"
    path.write_bytes(octets)
    return path


async def test_a_bind_over_tls(certificate: Path) -> None:
    async def on_bind(_bind: Bind, _session: Session) -> int:
        return 0

    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    listener = await listen("127.0.0.1", 0, on_bind=on_bind, on_request=no_requests, ssl=ours)
    settings = BindSettings("127.0.0.1", listener.port, "scserv", "sesame12", reconnect_min_s=0.01)

    trusting = ssl.create_default_context(cafile=str(certificate))
    esme = Esme(settings, no_requests, ssl=trusting)
    running = asyncio.create_task(esme.run())
    await esme.slot()
    assert (await esme.submit(submit())).status == 0
    await esme.close()
    await running

    told: asyncio.Queue[str] = asyncio.Queue()
    distrusting = Esme(
        settings,
        no_requests,
        ssl=ssl.create_default_context(),
        on_change=lambda health: told.put_nowait(health.reason),
    )
    running = asyncio.create_task(distrusting.run())
    while "certificate verify failed" not in await told.get():
        assert distrusting.health.state is not EsmeState.BOUND
    await distrusting.close()
    await running
    await listener.close()
