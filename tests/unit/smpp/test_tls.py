"""A bind over TLS: the session does not know the difference."""

import asyncio
import ssl
from pathlib import Path

from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.esme import Esme
from inbound.smpp.listener import listen
from inbound.smpp.pdu import BindPdu
from inbound.smpp.session import Session
from inbound.tls_faults import TlsFault
from tests.patience import PATIENCE_S
from tests.tls_server import alert, raw_server, tls_server
from tests.unit.smpp.certificate import self_signed
from tests.unit.smpp.peer import no_requests, submit


async def test_a_bind_over_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")

    async def on_bind(_bind: BindPdu, _session: Session) -> int:
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

    untrusting = ssl.create_default_context()
    assert TlsFault.UNTRUSTED in await why_down(listener.port, untrusting)
    await listener.close()


async def why_down(port: int, context: ssl.SSLContext) -> str:
    """Return the reason of a bind that does not come up."""
    told: asyncio.Queue[BindHealth] = asyncio.Queue()
    settings = BindSettings("127.0.0.1", port, "scserv", "sesame12", reconnect_min_s=0.01)
    esme = Esme(settings, no_requests, ssl=context, on_change=told.put_nowait)
    running = asyncio.create_task(esme.run())
    async with asyncio.timeout(PATIENCE_S):
        while (health := await told.get()).state is not EsmeState.DOWN:
            assert health.state is not EsmeState.BOUND
    await esme.close()
    await running
    return health.reason


async def test_a_centre_with_old_tls_alone_is_no_matter_of_our_certificate() -> None:
    with raw_server(alert(70)) as port:
        reason = await why_down(port, ssl.create_default_context())
    assert reason == (
        "no connection to the SMS centre: it has no TLS 1.2 or newer; have its operator offer it "
        "(TLSV1_ALERT_PROTOCOL_VERSION)"
    )


async def test_a_refusal_that_tls_1_3_tells_after_the_handshake_has_the_same_words(
    tmp_path: Path,
) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    demanding = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    demanding.load_cert_chain(certificate)
    demanding.verify_mode = ssl.CERT_REQUIRED
    with tls_server(demanding) as port:
        reason = await why_down(port, ssl.create_default_context(cafile=str(certificate)))
    words = "it refuses our client certificate; check tls_cert (TLSV13_ALERT_CERTIFICATE_REQUIRED)"
    assert reason == f"the connection broke: {words}"


async def test_a_centre_that_ends_the_handshake_without_a_word_has_a_reason() -> None:
    with raw_server(b"") as port:
        reason = await why_down(port, ssl.create_default_context())
    assert TlsFault.BROKEN_OFF in reason
