"""An OpenID provider that is slow, away, or publishes what can't be read."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import JWKRegistry

from inbound.desk.provider import client, transport
from inbound.desk.provider.client import FAILURE_LASTS, ProviderClient
from inbound.desk.provider.errors import ProviderError
from inbound.desk.provider.signing_keys import MOST_KEYS
from inbound.settings import OidcSettings
from tests.certificates import Authority
from tests.fix_service import free_port
from tests.integration.desk.openid_provider import OTHER_KEY, OpenIdProvider
from tests.integration.desk.provider_world import (
    AWAY,
    DISCOVERY,
    known,
    sign_in,
    world_of,
)
from tests.integration.desk.world import NOW, PASSWORD, DeskWorld
from tests.patience import PATIENCE_S

Change_ = Callable[[OpenIdProvider], None]


@pytest.fixture
async def world(desk_url: str, provider: OpenIdProvider) -> AsyncIterator[DeskWorld]:
    async with world_of(desk_url, provider) as made:
        yield made


ODD_KEYS: tuple[Any, ...] = (
    {"kty": "EC", "crv": "BP-256", "x": "AA", "y": "AA"},
    {"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"},
    {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
    {"kty": "OKP", "crv": ["Ed25519"], "x": "AA"},
    {"kty": "RSA", "e": "AQAB"},
    {"kty": "RSA", "n": "w" * 86, "e": "AQAB"},
    {"kty": "RSA", "n": "é" * 342, "e": "AQAB"},
    {"kty": "RSA", "n": 2**2048, "e": "AQAB"},
    {"kty": "RSA", "n": "w" * 342, "e": "AQAB", "x5c": 5},
    {"kty": "RSA", "n": "w" * 342, "e": "AQAB", "kid": ["one"]},
    {"kty": ["RSA"], "kid": "one"},
    {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
    {"kty": "oct", "k": "AAAA", "kid": "one"},
    *(None, [], "RSA", 7),
)


@pytest.mark.parametrize("odd", [ODD_KEYS, *((one,) for one in ODD_KEYS)], ids=repr)
async def test_keys_that_can_not_be_used_are_ignored(
    world: DeskWorld, provider: OpenIdProvider, odd: tuple[Any, ...]
) -> None:
    name = known(world, provider)
    provider.odd_keys = list(odd)
    assert name in (await sign_in(world.browser())).text


async def test_of_thousands_of_keys_only_some_are_read(
    world: DeskWorld, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(world, provider)
    read = []
    real = JWKRegistry.import_key

    def noted(key: Any) -> Any:
        read.append(key)
        return real(key)

    monkeypatch.setattr(JWKRegistry, "import_key", noted)
    odd = OTHER_KEY.as_dict(private=False)
    provider.odd_keys = [{**odd, "kid": str(number)} for number in range(1000)]
    assert (await sign_in(world.browser())).status == 403
    assert 0 < len(read) <= 2 * MOST_KEYS  # they are fetched again for an unknown key


def stuck(path: str) -> Change_:
    return lambda provider: provider.stuck.add(path)


def answers(path: str, status: int, text: str) -> Change_:
    return lambda provider: provider.answers.update({path: (status, text)})


def says(**metadata: Any) -> Change_:
    return lambda provider: provider.metadata.update(metadata)


TROUBLES: dict[str, Change_] = {
    "down": answers(DISCOVERY, 502, "<html>bad gateway</html>"),
    "slow": stuck(DISCOVERY),
    "nonsense": answers(DISCOVERY, 200, "<html>welcome</html>"),
    "a list": answers(DISCOVERY, 200, "[]"),
    "endless": answers(DISCOVERY, 200, " " * 600_000 + "{}"),
    "another issuer": says(issuer="https://evil.example"),
    "plain endpoint": says(token_endpoint="http://evil.example/token"),
    "strange endpoint": says(authorization_endpoint="javascript:alert(1)"),
    "no endpoint": says(jwks_uri=None),
    "no port": says(token_endpoint="https://x:99999/a"),
    "half an address": says(jwks_uri="https://[x/a"),
    "half an address to go to": says(authorization_endpoint="https://[x/a"),
    "half a character": says(authorization_endpoint="https://x/\ud800"),
    "a host that is none": says(token_endpoint=f"https://{'ä' * 300}/a"),
    "an empty label": says(jwks_uri="https://a..b/"),
    "nested": answers(DISCOVERY, 200, "[" * 100_000),
    "redirect": answers(DISCOVERY, 302, ""),
}


@pytest.mark.parametrize("what", TROUBLES)
async def test_a_provider_in_trouble_is_said_so_and_passwords_still_work(
    world: DeskWorld, provider: OpenIdProvider, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_S", 0.2)
    TROUBLES[what](provider)
    browser = world.browser()
    page = await browser.open("/account")
    page = await browser.send(page, "/sign-in/provider")
    assert page.status == 503
    assert AWAY in page.text
    page = await browser.send(page, "/sign-in", name=world.user(), password=PASSWORD)
    assert page.path == "/account"


LATE: dict[str, Change_] = {
    "down": answers("token", 500, "oops"),
    "slow": stuck("token"),
    "nonsense": answers("token", 200, "not json"),
    "client refused": answers("token", 401, '{"error": "invalid_client"}'),
    "keys down": answers("jwks", 503, ""),
    "nested": answers("token", 200, "[" * 100_000),
    "nested refusal": answers("token", 400, "[" * 100_000),
    "keys are nonsense": answers("jwks", 200, '{"keys": [{"kty": "RSA", "n": 7}]}'),
    "keys are nested": answers("jwks", 200, "[" * 100_000),
    "a text for a key": answers("jwks", 200, '{"keys": ["a"]}'),
    "keys are no list": answers("jwks", 200, '{"keys": {"a": 1}}'),
    "no keys": answers("jwks", 200, "{}"),
}


@pytest.mark.parametrize("what", LATE)
async def test_trouble_on_the_way_back_signs_nobody_in(
    world: DeskWorld, provider: OpenIdProvider, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_S", 0.2)
    known(world, provider)
    LATE[what](provider)
    page = await sign_in(world.browser())
    assert page.status == 503
    assert AWAY in page.text
    provider.answers.clear()
    provider.stuck.clear()
    assert (await sign_in(world.browser())).path == "/account"


async def test_a_slow_provider_is_asked_once_by_all_who_wait(
    world: DeskWorld, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TIMEOUT_S", 0.2)
    provider.stuck.add(DISCOVERY)
    browsers = [world.browser() for _ in range(12)]
    pages = [await browser.open("/account") for browser in browsers]
    answers = await asyncio.gather(
        *(
            browser.send(page, "/sign-in/provider")
            for browser, page in zip(browsers, pages, strict=True)
        )
    )
    assert [page.status for page in answers] == [503] * 12
    assert provider.requests == [DISCOVERY]
    known(world, provider)
    provider.stuck.clear()
    world.now += FAILURE_LASTS
    assert (await sign_in(world.browser())).path == "/account"


async def test_signing_out_does_not_wait_for_a_slow_provider(
    provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SIGN_OUT_S", 0.1)
    monkeypatch.setattr(transport, "TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(client, "TIMEOUT_S", PATIENCE_S)
    provider.stuck.add(DISCOVERY)
    asking = ProviderClient(OidcSettings(issuer=provider.issuer, client_id="a"), "", lambda: NOW)
    async with asyncio.timeout(PATIENCE_S / 2):
        assert await asking.sign_out_address("http://desk.test/sign-in") is None


async def test_the_log_says_what_is_wrong_with_the_connection(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "unknown")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.issue("provider"))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 400 plain\r\n\r\n")
        writer.close()

    untrusted = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=tls)
    plain = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with untrusted, plain:
        for port, said in (
            (untrusted.sockets[0].getsockname()[1], "not trusted; check SSL_CERT_FILE"),
            (plain.sockets[0].getsockname()[1], "does not answer with TLS"),
            (free_port(), "nothing listens there"),
        ):
            with pytest.raises(ProviderError, match=said):
                await transport.get_json(f"https://127.0.0.1:{port}/")
