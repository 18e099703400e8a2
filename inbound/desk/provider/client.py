"""The client of the OpenID provider: discovery, its keys, and the claims behind a code."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc.jwk import KeySet

from inbound.desk.identity.throttle import TooManySignInsError
from inbound.desk.provider.errors import (
    UNREADABLE,
    BadTokenError,
    CodeRefusedError,
    ProviderError,
)
from inbound.desk.provider.id_tokens import Expected, checked
from inbound.desk.provider.journeys import Journey
from inbound.desk.provider.signing_keys import read_keys
from inbound.desk.provider.transport import get_json, post_form
from inbound.settings import OidcSettings
from inbound.settings.oidc import is_safe_address

METADATA_LASTS: Final = timedelta(hours=1)
KEYS_LAST: Final = timedelta(minutes=10)
KEYS_REST: Final = timedelta(seconds=30)
"""How long keys are valid at least, so that tokens with unknown keys don't fetch them each time."""
TIMEOUT_S: Final = 10.0
MOST_AT_ONCE: Final = 8
FAILURE_LASTS: Final = timedelta(seconds=5)
"""How long a failed discovery is the answer to all, so that not everybody waits for the next."""
SIGN_OUT_S: Final = 2.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The provider's metadata from discovery, checked (OpenID Connect Discovery 1.0)."""

    authorization: str
    token: str
    keys: str
    end_session: str | None
    client_auth: str
    names_issuer: bool
    """Whether it puts `iss` into its answers (RFC 9207)."""
    at: datetime


class ProviderClient:
    """Asks one provider. `back` is the desk's address to which it sends browsers back."""

    def __init__(self, settings: OidcSettings, back: str, clock: Callable[[], datetime]) -> None:
        """Ask nothing yet."""
        self.settings = settings
        self._back = back
        self._clock = clock
        self._found: ProviderMetadata | None = None
        self._failed: tuple[str, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None
        self._discovering = asyncio.Lock()
        self._places = asyncio.Semaphore(MOST_AT_ONCE)

    async def address_of(self, journey: Journey) -> str:
        """Return where the browser signs in. Raises ProviderError and TooManySignInsError."""
        found = await self._discover()
        address: str = prepare_grant_uri(
            found.authorization,
            client_id=self.settings.client_id,
            response_type="code",
            redirect_uri=self._back,
            scope=self.settings.scopes,
            state=journey.state,
            nonce=journey.nonce,
            code_challenge=create_s256_code_challenge(journey.verifier),
            code_challenge_method="S256",
        )
        return address

    async def sign_out_address(self, back: str) -> str | None:
        """Return where the browser signs out of the provider; None if that is not known.

        Blocks 2 s at most and never raises: signing out of the desk must not depend on it.
        """
        try:
            async with asyncio.timeout(SIGN_OUT_S):
                found = await self._discover()
        except (ProviderError, TooManySignInsError, TimeoutError):
            return None
        if found.end_session is None:
            return None
        mark = "&" if "?" in found.end_session else "?"
        ids = f"client_id={quote(self.settings.client_id, safe='')}"
        return f"{found.end_session}{mark}{ids}&post_logout_redirect_uri={quote(back, safe='')}"

    async def claims_of(self, code: str, issuer: str | None, journey: Journey) -> Mapping[str, Any]:
        """Return the claims of somebody who has come back with a code.

        `issuer` is the `iss` of the answer. Blocks 10 s at most. Raises CodeRefusedError,
        BadTokenError, ProviderError and TooManySignInsError.
        """
        if self._places.locked():
            raise TooManySignInsError
        try:
            async with self._places, asyncio.timeout(TIMEOUT_S):
                return await self._claims_of(code, issuer, journey)
        except TimeoutError:
            raise ProviderError("the provider is too slow") from None

    async def _claims_of(
        self, code: str, issuer: str | None, journey: Journey
    ) -> Mapping[str, Any]:
        found = await self._discover()
        if issuer != self.settings.issuer and (issuer is not None or found.names_issuer):
            raise BadTokenError("the answer is of another issuer")
        answer = await self._redeem(found, code, journey)
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            raise BadTokenError("the answer has no ID token")
        expected = Expected(self.settings.issuer, self.settings.client_id, journey.nonce)
        given = access if isinstance(access, str) else None
        began = self._clock()
        keys = await self._keys_since(found, began - KEYS_LAST)
        try:
            return checked(token, keys, expected, given, began)
        except BadTokenError:
            fresher = await self._keys_since(found, began - KEYS_REST)
            if fresher is keys:
                raise
            return checked(token, fresher, expected, given, began)  # the keys have changed

    async def _redeem(
        self, found: ProviderMetadata, code: str, journey: Journey
    ) -> Mapping[str, Any]:
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=self._back,
            code=code,
            code_verifier=journey.verifier,
        )
        secret = self.settings.client_secret.get_secret_value()
        name = self.settings.client_id
        if found.client_auth == "client_secret_basic":  # RFC 6749, section 2.3.1
            name, secret = quote(name, safe=""), quote(secret, safe="")
        auth = ClientAuth(name, secret, found.client_auth)
        url, headers, body = auth.prepare("POST", found.token, dict(_FORM), body)
        answer = await post_form(url, headers, body)
        if "error" in answer:
            error = str(answer["error"])
            if error == "invalid_grant":
                raise CodeRefusedError("the provider has refused the code")
            raise ProviderError("the provider refuses the desk: check client_id and client_secret")
        return answer

    async def _discover(self) -> ProviderMetadata:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._discovering:
                if self._found is None or self._clock() - self._found.at >= METADATA_LASTS:
                    self._found = await self._discover_anew()
                return self._found
        except TimeoutError:
            raise TooManySignInsError from None

    async def _discover_anew(self) -> ProviderMetadata:
        if self._failed and abs(self._clock() - self._failed[1]) < FAILURE_LASTS:
            raise ProviderError(self._failed[0])
        try:
            address = get_well_known_url(self.settings.issuer, external=True)
            return self._read(await get_json(address))
        except ProviderError as error:
            self._failed = str(error), self._clock()
            raise

    def _read(self, metadata: Mapping[str, Any]) -> ProviderMetadata:
        try:
            given = OpenIDProviderMetadata(metadata)
            given.validate_issuer()
            if given["issuer"] != self.settings.issuer:
                raise ProviderError("discovery: the issuer is another one")
            authorization, token, keys = (given[name] for name in _ENDPOINTS)
        except UNREADABLE as error:
            raise ProviderError(f"discovery: not as it should be ({error})") from None
        end = given.get("end_session_endpoint")
        for address in (authorization, token, keys, *([] if end is None else [end])):
            if not isinstance(address, str) or not is_safe_address(address):
                raise ProviderError("discovery: an endpoint is no https:// address")
        methods = given.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return ProviderMetadata(
            authorization,
            token,
            keys,
            end_session=end,
            client_auth=self._client_auth(methods),
            names_issuer=given.get("authorization_response_iss_parameter_supported") is True,
            at=self._clock(),
        )

    def _client_auth(self, methods: object) -> str:
        if not self.settings.client_secret.get_secret_value():
            return "none"
        known = ("client_secret_basic", "client_secret_post")
        offered = methods if isinstance(methods, list) else []
        return next((method for method in known if method in offered), known[0])

    async def _keys_since(self, found: ProviderMetadata, since: datetime) -> KeySet:
        """Return the provider's keys as they were at this time or later."""
        if self._keys is None or self._keys[1] < since:
            self._keys = read_keys(await get_json(found.keys)), self._clock()
        return self._keys[0]


_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
