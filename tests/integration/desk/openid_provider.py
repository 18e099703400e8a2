"""An OpenID provider on loopback, which can be wrong in every way that matters.

It does what OpenID Connect Core 1.0 and PKCE ask of a provider, with its own checks of what the
desk sends; `tests/peers` has a certified one.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode

from aiohttp import web
from joserfc import jws
from joserfc.jwk import Key, KeySet, RSAKey

CLIENT_ID: Final = "scserv desk"
CLIENT_SECRET: Final = "s/e:c r&et with 112 bits"
_KEY: Final = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER_KEY: Final = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})

Claims = dict[str, Any]


class OpenIdProvider:
    """One running provider. `person` are the claims of whoever signs in."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.issuer = ""
        self.person: Claims = {}
        self.key = _KEY
        self.published: list[Key] = [_KEY]
        self.odd_keys: list[Any] = []
        """What it publishes before its keys."""
        self.metadata: Claims = {}
        """What discovery says otherwise."""
        self.claims: Claims = {}
        """What ID tokens say otherwise; None leaves a claim out."""
        self.answers: dict[str, tuple[int, str]] = {}
        """What paths answer instead: status and text."""
        self.stuck: set[str] = set()
        """Paths that answer nothing."""
        self.requests: list[str] = []
        self.clock = clock
        self._codes: dict[str, dict[str, str]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["OpenIdProvider"]:
        app = web.Application()
        for path, handler in (
            ("/realm/.well-known/openid-configuration", self._discovery),
            ("/realm/authorize", self._authorize),
            ("/realm/jwks", self._jwks),
        ):
            app.router.add_get(path, self._guarded(handler))
        app.router.add_post("/realm/token", self._guarded(self._token))
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.issuer = f"http://127.0.0.1:{port}/realm"
        try:
            yield self
        finally:
            await runner.cleanup()

    def _guarded(self, handler: Callable[[web.Request], web.Response]) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            name = request.path.rpartition("/")[2]
            self.requests.append(name)
            if name in self.stuck:
                await asyncio.Event().wait()
            if name in self.answers:
                status, text = self.answers[name]
                return web.Response(status=status, text=text)
            await request.post()
            return handler(request)

        return handle

    def _discovery(self, request: web.Request) -> web.Response:
        del request
        metadata = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response({**metadata, **self.metadata})

    def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(answer)}")

    def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in request._post.items()}  # type: ignore[union-attr]
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(given).decode().partition(":")
        if (kind, unquote(name), unquote(secret)) != ("Basic", CLIENT_ID, CLIENT_SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {"access_token": "at", "token_type": "Bearer", "id_token": self._id_token(asked)}
        )

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(self.clock())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key.kid}
        return jws.serialize_compact(header, json.dumps(kept).encode(), self.key)

    def _jwks(self, request: web.Request) -> web.Response:
        del request
        published = KeySet(self.published).as_dict(private=False)["keys"]
        return web.json_response({"keys": [*self.odd_keys, *published]})


def query_of(address: str) -> dict[str, str]:
    """Return the query of an address."""
    return {name: values[0] for name, values in parse_qs(address.partition("?")[2]).items()}
