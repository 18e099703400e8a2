"""The server over real sockets: it says where it listens, cuts off dawdlers, ends in order."""

import asyncio
import json
import logging
import ssl
from pathlib import Path

import httpx
import pytest

from inbound.api import protocol, server
from inbound.api.server import HttpServer
from inbound.errors import SetupError
from inbound.ops.health import Health
from inbound.settings import ApiSettings
from tests.patience import PATIENCE_S
from tests.unit.api.serving import App, get, serving
from tests.unit.smpp.certificate import self_signed


async def test_it_listens_on_loopback_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        async with serving(App()) as (made, _):
            assert (await get(made)).text == "done"
    assert f"listening on http://127.0.0.1:{made.port}" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_elsewhere_without_tls_it_warns(caplog: pytest.LogCaptureFixture) -> None:
    everywhere = ApiSettings(host="0.0.0.0", port=0)  # noqa: S104  what is warned about
    async with serving(App(), everywhere):
        pass
    [said] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "not loopback and TLS is off" in said.getMessage()


async def test_the_library_logs_no_path(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with serving(App()) as (made, _):
            await get(made, "/CANARY?CANARY=CANARY")
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    assert "CANARY" not in " ".join(record.getMessage() for record in ours)


async def test_started_answer_is_finished_on_shutdown() -> None:
    app = App()
    app.go.clear()
    async with serving(app) as (made, running):
        asking = asyncio.create_task(get(made))
        await app.came.wait()
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=0.5)
        assert not done
        app.go.set()
        assert (await asking).text == "done"
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(httpx.ConnectError):
            await get(made)


async def test_hanging_answer_does_not_delay_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "SHUTDOWN_TIMEOUT_S", 0)
    app = App()
    app.go.clear()
    async with serving(app) as (made, running):
        asking = asyncio.create_task(get(made))
        await app.came.wait()
        running.cancel()
        await asyncio.wait({running}, timeout=PATIENCE_S)
        assert running.done()
        await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["nothing", "half"]
)
async def test_missing_headers_time_out(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(protocol, "HEADERS_TIMEOUT_S", 0.05)
    async with serving(App()) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(sent)
        assert await reader.read() == b""
        writer.close()
        monkeypatch.undo()
        assert (await get(made)).text == "done"


async def test_second_request_has_the_same_header_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(App()) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(protocol, "HEADERS_TIMEOUT_S", 0.05)
        writer.write(b"GET / HT")
        assert await reader.read() == b""
        writer.close()


async def test_invalid_http_gets_a_problem() -> None:
    async with serving(App()) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(b"CLIENT info +79161234567\r\n\r\n")
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] == "urn:scserv:problem:no-http"
    assert b"79161234567" not in body


async def test_a_port_in_use_is_one_line_for_the_operator() -> None:
    async with serving(App()) as (made, _):
        second = HttpServer(App(), ApiSettings(port=made.port), Health())
        with pytest.raises(SetupError, match=rf"127.0.0.1:{made.port}.*SCSERV_API__PORT"):
            await second.run()


async def test_over_tls(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate = self_signed(tmp_path / "api.pem")
    settings = ApiSettings(host="0.0.0.0", port=0, tls_cert=certificate)  # noqa: S104
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with serving(App(), settings) as (made, _), httpx.AsyncClient(verify=trusting) as client:
        assert (await client.get(f"https://127.0.0.1:{made.port}/")).text == "done"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (ApiSettings(tls_cert=Path("/nowhere.pem")), "TLS_CERT /nowhere.pem: No such file"),
        (ApiSettings(tls_cert=Path(__file__)), "not a usable certificate"),
        (ApiSettings(tls_key=Path("/nowhere.pem")), "is set without SCSERV_API__TLS_CERT"),
    ],
)
def test_a_wrong_certificate_is_one_line_for_the_operator(settings: ApiSettings, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        HttpServer(App(), settings, Health())


async def test_a_process_is_ready_only_once_its_port_is_open() -> None:
    """The database may have answered before."""
    health = Health()
    health.set("listening", ok=False, reason="starting")
    health.set("database", ok=True)
    assert not health.ready().ok
    async with serving(App(), health=health) as (made, _):
        assert health.ready().ok
        assert (await get(made)).status_code == 200
