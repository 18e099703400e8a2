"""A bind over TLS: the session does not know the difference."""

import asyncio
import ssl
from pathlib import Path

from inbound.smpp.bind_health import EsmeState
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.connecting import UNTRUSTED
from inbound.smpp.esme import Esme
from inbound.smpp.listener import listen
from inbound.smpp.pdu import BindPdu
from inbound.smpp.session import Session
from tests.patience import PATIENCE_S
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

    told: asyncio.Queue[str] = asyncio.Queue()
    distrusting = Esme(
        settings,
        no_requests,
        ssl=ssl.create_default_context(),
        on_change=lambda health: told.put_nowait(health.reason),
    )
    running = asyncio.create_task(distrusting.run())
    async with asyncio.timeout(PATIENCE_S):
        while UNTRUSTED not in await told.get():
            assert distrusting.health.state is not EsmeState.BOUND
    await distrusting.close()
    await running
    await listener.close()
