"""What an OpenID provider answers that signs nobody in."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import JWKRegistry

from inbound.desk.provider import transport
from inbound.desk.provider.signing_keys import MOST_KEYS
from tests.integration.desk.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OTHER_KEY,
    OpenIdProvider,
    query_of,
)
from tests.integration.desk.provider_world import (
    AWAY,
    DISCOVERY,
    NOT_VALID,
    at_provider,
    known,
    set_out,
    sign_in,
    world_of,
)
from tests.integration.desk.world import NOW, PASSWORD, DeskWorld

Change_ = Callable[[OpenIdProvider], None]


@pytest.fixture
async def world(desk_url: str, provider: OpenIdProvider) -> AsyncIterator[DeskWorld]:
    async with world_of(desk_url, provider) as made:
        yield made


def claim(**claims: Any) -> Change_:
    return lambda provider: provider.claims.update(claims)


def old_key(provider: OpenIdProvider) -> None:
    provider.key = OTHER_KEY


BAD_TOKENS: dict[str, Change_] = {
    "issuer": claim(iss="https://evil.example"),
    "audience": claim(aud="another client"),
    "audience of ours": claim(aud="another client", azp=CLIENT_ID),
    "audiences": claim(aud=[CLIENT_ID, "another client"]),
    "authorized party": claim(azp="another client"),
    "nonce": claim(nonce="of another sign-in"),
    "no nonce": claim(nonce=None),
    "expired": claim(exp=int(NOW.timestamp()) - 61),
    "of tomorrow": claim(iat=int(NOW.timestamp()) + 86_400),
    "no end": claim(exp=None),
    "no subject": claim(sub=None),
    "empty subject": claim(sub=""),
    "a number as subject": claim(sub=7),
    "a subject with NUL": claim(sub="a\0b"),
    "half a character as subject": claim(sub="a\ud800"),
    "an endless end": claim(exp=float("inf")),
    "end is a text": claim(exp="soon"),
    "access token": claim(at_hash="AAAA"),
    "signed by somebody else": old_key,
}


@pytest.mark.parametrize("what", BAD_TOKENS)
async def test_a_token_that_is_not_valid_signs_nobody_in(
    world: DeskWorld, provider: OpenIdProvider, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = known(world, provider)
    BAD_TOKENS[what](provider)
    browser = world.browser()
    page = await sign_in(browser)
    assert page.status == 403
    assert NOT_VALID in page.text
    assert (await browser.open("/account")).path == "/sign-in"
    assert world.audit(f"user {name}") == []
    assert any("ID token" in line for line in caplog.messages)
    assert not any(name in line for line in caplog.messages)


@pytest.mark.parametrize("header", ["none", "HS256"])
async def test_a_token_without_a_signature_of_the_provider_is_refused(
    world: DeskWorld, provider: OpenIdProvider, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(world, provider)

    def encoded(what: bytes) -> str:
        return base64.urlsafe_b64encode(what).decode().rstrip("=")

    def forged(asked: dict[str, str]) -> str:
        now = int(NOW.timestamp())
        about = {"iss": provider.issuer, "aud": CLIENT_ID, "nonce": asked["nonce"]}
        claims = {**about, "iat": now, "exp": now + 300, **provider.person}
        content = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": header}, claims))
        mac = hmac.digest(CLIENT_SECRET.encode(), content.encode(), "sha256")
        return f"{content}.{encoded(mac) if header == 'HS256' else ''}"

    monkeypatch.setattr(provider, "_id_token", forged)
    page = await sign_in(world.browser())
    assert NOT_VALID in page.text


async def test_a_token_that_is_nested_too_deep_is_refused(
    world: DeskWorld, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(world, provider)
    nested = jws.serialize_compact({"alg": "RS256", "kid": "one"}, b"[" * 60_000, provider.key)
    monkeypatch.setattr(provider, "_id_token", lambda _: nested)
    page = await sign_in(world.browser())
    assert page.status == 403
    assert NOT_VALID in page.text


@pytest.mark.parametrize("email", ["a\0b@x.org", "a\ud800@x.org", "a" * 5000 + "@x.org", "  "])
async def test_an_address_that_no_user_can_have_finds_nobody(
    world: DeskWorld, provider: OpenIdProvider, email: str, caplog: pytest.LogCaptureFixture
) -> None:
    known(world, provider, sub="a stranger", email=email)
    page = await sign_in(world.browser())
    assert page.status == 403
    assert "who you are there: a stranger" in page.text
    assert any("no user is bound to this subject; " in line for line in caplog.messages)


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


async def test_keys_that_have_changed_are_fetched_again(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider)
    await sign_in(world.browser())
    provider.key, provider.published = OTHER_KEY, [OTHER_KEY]
    world.now += timedelta(minutes=1)
    assert name in (await sign_in(world.browser())).text


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


async def test_without_an_id_token_nobody_is_signed_in(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    known(world, provider)
    provider.answers["token"] = 200, '{"access_token": "at"}'
    assert NOT_VALID in (await sign_in(world.browser())).text


async def test_nobody_comes_back_with_the_code_of_another_browser(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    """Else somebody could be signed in, unseen, as the attacker (login CSRF)."""
    known(world, provider)
    back = await at_provider(await set_out(world.browser()))
    path = back.removeprefix("http://desk.test")
    for victim in (world.browser(), world.browser()):
        page = await victim.open(path)
        assert page.status == 403
        assert "begun in another browser" in page.text
    own = world.browser()
    query = query_of(await at_provider(await set_out(own)))
    for state in query_of(back)["state"], "", "x":
        page = await own.open(
            f"/sign-in/back?code={query['code']}&state={state}&iss={query['iss']}"
        )
        assert page.status == 403
        assert (await own.open("/account")).path == "/sign-in"
    assert provider.requests.count("token") == 0


async def test_a_code_counts_once_and_not_for_ever(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    known(world, provider)
    browser = world.browser()
    address = await set_out(browser)
    journey = browser.client.cookies["scserv_journey"]
    path = (await at_provider(address)).removeprefix("http://desk.test")
    assert (await browser.open(path)).path == "/account"
    browser.client.cookies.clear()
    browser.client.cookies.set("scserv_journey", journey)
    assert (await browser.open(path)).status == 403
    late = world.browser()
    path = (await at_provider(await set_out(late))).removeprefix("http://desk.test")
    world.now += timedelta(minutes=10)
    assert (await late.open(path)).status == 403


@pytest.mark.parametrize("iss", ["", "&iss=https%3A%2F%2Fevil.example"])
async def test_an_answer_of_another_issuer_is_refused(
    world: DeskWorld, provider: OpenIdProvider, iss: str
) -> None:
    known(world, provider)
    browser = world.browser()
    query = query_of(await at_provider(await set_out(browser)))
    path = f"/sign-in/back?code={query['code']}&state={query['state']}{iss}"
    assert NOT_VALID in (await browser.open(path)).text


async def test_a_refusal_of_the_provider_is_shown_and_nothing_else(world: DeskWorld) -> None:
    browser = world.browser()
    for error, shown in (("access_denied", "access_denied"), ("%3Cb%3ECall+7+900", "error")):
        page = await browser.open(f"/sign-in/back?error={error}&state=x")
        assert page.status == 403
        assert f"Keycloak has not let you in: {shown}." in page.text
