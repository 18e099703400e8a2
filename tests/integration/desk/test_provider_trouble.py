"""What an OpenID provider answers that signs nobody in."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws

from inbound.desk.identity.users import AuditStamp
from inbound.desk.provider.binding import assign
from inbound.desk.provider.claims import normal_login
from inbound.store.connections import connect
from tests.integration.desk.openid_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OTHER_KEY,
    OpenIdProvider,
    query_of,
)
from tests.integration.desk.provider_world import (
    NOT_VALID,
    STRANGER,
    at_provider,
    known,
    set_out,
    sign_in,
    world_of,
)
from tests.integration.desk.world import NOW, DeskWorld

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


@pytest.mark.parametrize("is_verified", [False, None, "true", 1])
async def test_an_address_that_is_not_verified_finds_nobody(
    world: DeskWorld,
    provider: OpenIdProvider,
    is_verified: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    known(world, provider, email_verified=is_verified)
    page = await sign_in(world.browser())
    assert STRANGER in page.text
    assert any("email_verified is not true" in line for line in caplog.messages)


@pytest.mark.parametrize("sign", ["\u212a", "\u0138"])
async def test_an_address_with_other_letters_is_not_that_of_a_user(
    world: DeskWorld, provider: OpenIdProvider, sign: str
) -> None:
    """The Kelvin sign (U+212A) has a Latin k as its small letter."""
    name = known(world, provider)
    address = f"Kirill-{name}@X.org"
    own = {"sub": "the real one", "email": address, "email_verified": True}
    with connect(world.url, "tests") as conn:
        login = normal_login(address, "email")
        assign(conn, AuditStamp("tests", world.now), name, login=login)
    provider.person = {**own, "sub": "another one", "email": f"{sign}irill-{name}@x.org"}
    assert STRANGER in (await sign_in(world.browser())).text
    provider.person = own
    assert name in (await sign_in(world.browser())).text


async def test_keys_that_have_changed_are_fetched_again(
    world: DeskWorld, provider: OpenIdProvider
) -> None:
    name = known(world, provider)
    await sign_in(world.browser())
    provider.key, provider.published = OTHER_KEY, [OTHER_KEY]
    world.now += timedelta(minutes=1)
    assert name in (await sign_in(world.browser())).text


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
    state = query_of(await set_out(browser))["state"]
    for error, shown in (
        ("access_denied", "access_denied"),
        ("%3Cb%3ECall+7+900", "error"),
        ("your_account_is_closed_write_to_evil_org", "error"),
    ):
        page = await browser.open(f"/sign-in/back?error={error}&state={state}")
        assert page.status == 403
        assert f"Keycloak has not let you in: {shown}." in page.text
    for stranger, given in ((world.browser(), state), (browser, "x"), (browser, "")):
        page = await stranger.open(f"/sign-in/back?error=access_denied&state={given}")
        assert page.status == 403
        assert "access_denied" not in page.text
        assert "begun in another browser" in page.text
