"""Calls go to public addresses only, whatever a name server says, and follow no redirect."""

import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from inbound.callbacks.http_poster import HttpPoster
from inbound.callbacks.posting import CallbackFailed, check_url
from inbound.callbacks.public_addresses import is_public
from inbound.errors import SetupError
from tests.tls_server import tls_server
from tests.unit.smpp.certificate import self_signed

CANARY = "canary-of-a-query"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),  # noqa: S104  an address to refuse
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("192.0.0.9", False),
        ("192.88.99.1", False),
        ("64:ff9b::93.184.216.34", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::7f00:1", False),  # RFC 8215
        ("::127.0.0.1", False),
        ("::ffff:0:127.0.0.1", False),
        ("fec0::1", False),
        ("5f00::1", False),
        ("2001:0:7f00:1::", False),  # Teredo
        ("2001:4:112::1", False),
        ("2001:db8::1", False),
        ("2002:7f00:1::", False),  # 6to4
        ("2002:5db8:d822::1", False),
        ("3fff::1", False),
        ("2a00::5efe:7f00:1", False),  # ISATAP
        ("2a00::200:5efe:7f00:1", False),
        ("2a00:5efe::1", True),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/sms",
        "ftp://example.org",
        "example.org",
        "https://",
        "https://user:pass@example.org",
        "https://example.org/#x",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://example.org:99999/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://0x7f.1./",
        "https://localhost./",
        "https://[2002:7f00:1::]/",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_which_urls_are_refused(url: str) -> None:
    with pytest.raises(SetupError):
        check_url(url, private_allowed=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://a..invalid/",
        "https://.invalid/",
        "https://example../",
        f"https://{'a' * 64}.org/",
        f"https://{'.'.join(['a' * 63] * 4)}/",
        f"https://{'п' * 70}.рф/",
        "https://ex%61mple.org/",
        "https://a,b/",
        "https://exa\r\nmple.org/",
        "https://example.org/\0",
        "https://example.org/\ud800",
        "https://example.org/ a",
        " https://example.org/",
    ],
)
def test_urls_that_can_never_be_called_are_refused_wherever_they_lead(url: str) -> None:
    with pytest.raises(SetupError):
        check_url(url, private_allowed=True)


def test_which_urls_are_taken() -> None:
    for url in (
        "https://example.org/sms?key=1",
        "https://example.org:8443",
        "https://example.org./sms",
        "https://a_b.пример.рф/путь",
        "https://[2606:2800:220:1::1]/",
    ):
        assert check_url(url, private_allowed=False) == url
    for url in ("http://10.0.0.1:8080/sms", "https://localhost/", "http://[fe80::1%25eth0]/"):
        assert check_url(url, private_allowed=True) == url


class Names(AbstractResolver):
    """A name server that answers with these addresses, one after the other."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        result: ResolveResult = {
            "hostname": host,
            "host": address,
            "port": port,
            "family": socket.AF_INET,
            "proto": 0,
            "flags": socket.AI_NUMERICHOST,
        }
        return [result]

    async def close(self) -> None:
        pass


class Receiver:
    """A server on loopback; `paths` are those that were asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[str] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self.bodies.append(await request.read())
        self.headers.append(request.headers.get("webhook-id", ""))
        match request.path:
            case "/moved":
                raise web.HTTPTemporaryRedirect("/taken")
            case "/taken":
                return web.Response(status=204)
        return web.Response(status=500, text=CANARY)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


async def post(
    receiver: Receiver, path: str, *, names: Names | None = None, private_allowed: bool = True
) -> None:
    host = "127.0.0.1" if names is None else "receiver.test"
    poster = HttpPoster(names, timeout_s=5)
    url = f"http://{host}:{receiver.port}{path}?key={CANARY}"
    await poster.post(url, b"{}", {"webhook-id": "7"}, private_allowed=private_allowed)


async def test_a_call_is_made(receiver: Receiver) -> None:
    await post(receiver, "/taken")
    assert (receiver.bodies, receiver.headers) == ([b"{}"], ["7"])


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/moved", "answered 307, and redirects are not followed"), ("/broken", "answered 500")],
)
async def test_anything_but_a_success_is_a_failure(
    receiver: Receiver, path: str, reason: str
) -> None:
    with pytest.raises(CallbackFailed) as failed:
        await post(receiver, path)
    assert str(failed.value) == reason
    assert receiver.paths == [path]


@pytest.mark.parametrize("names", [None, Names("127.0.0.1")])
async def test_a_private_address_is_not_called(receiver: Receiver, names: Names | None) -> None:
    with pytest.raises(CallbackFailed, match="not public"):
        await post(receiver, "/taken", names=names, private_allowed=False)
    assert receiver.paths == []


async def test_an_address_that_changes_after_its_check_is_not_called(receiver: Receiver) -> None:
    """DNS rebinding: a public address while the URL is set, a private one later."""
    names = Names("93.184.216.34", "127.0.0.1")
    await names.resolve("receiver.test")
    with pytest.raises(CallbackFailed, match="not public"):
        await post(receiver, "/taken", names=names, private_allowed=False)
    assert receiver.paths == []


@pytest.mark.parametrize(
    "url", ["https://a..invalid/", f"https://{'a' * 64}.org/", f"https://{'п' * 70}.рф/"]
)
async def test_a_call_to_a_name_that_can_not_be_looked_up_fails(url: str) -> None:
    """Such URLs may be stored: they were not always refused."""
    with pytest.raises(CallbackFailed) as failed:
        await HttpPoster(timeout_s=5).post(url, b"{}", {}, private_allowed=False)
    assert str(failed.value) == "the URL can't be called; set another one"
    assert not failed.value.is_final


async def test_a_receiver_with_a_wrong_certificate_or_none_is_named_so(
    receiver: Receiver, tmp_path: Path
) -> None:
    async def why(url: str) -> str:
        with pytest.raises(CallbackFailed) as failed:
            await HttpPoster(timeout_s=5).post(url, b"{}", {}, private_allowed=True)
        return str(failed.value)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "receiver.pem"))
    with tls_server(context) as port:
        said = await why(f"https://127.0.0.1:{port}/{CANARY}")
    assert said == "its certificate is not trusted (self-signed certificate)"
    said = await why(f"https://127.0.0.1:{receiver.port}/{CANARY}")
    assert said == "it does not answer with TLS (WRONG_VERSION_NUMBER)"


async def test_reasons_hold_no_url(receiver: Receiver) -> None:
    receiver.port = 1
    with pytest.raises(CallbackFailed) as failed:
        await post(receiver, "/taken")
    assert str(failed.value) == "no connection"
