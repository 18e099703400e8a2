"""Signing in at the provider: setting out, coming back, and the session that follows."""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from inbound.desk.identity.own_sessions import OvertakenError, OwnSessions
from inbound.desk.identity.throttle import SignInThrottle
from inbound.desk.provider.binding import (
    NotAllowedError,
    ProviderIdentity,
    StrangerError,
    recognise,
)
from inbound.desk.provider.claims import groups_of, login_of
from inbound.desk.provider.errors import BadTokenError, CodeRefusedError, ProviderError
from inbound.desk.provider.journeys import MAX_COOKIE, Journey, opened, sealed, set_out
from inbound.desk.provider.role_mapping import RoleMapping
from inbound.errors import ScservError
from inbound.keys import VaultCipher
from inbound.ops import server_metrics
from inbound.store.connection_pool import ConnectionPool

if TYPE_CHECKING:
    from inbound.desk.provider.client import ProviderClient

_NOT_MINE: Final = "not a sign-in of this browser, or too long ago"

_ERRORS: Final = frozenset(
    {
        *("invalid_request", "unauthorized_client", "access_denied", "invalid_scope"),
        *("unsupported_response_type", "server_error", "temporarily_unavailable"),
        *("interaction_required", "login_required", "account_selection_required"),
        *("consent_required", "invalid_request_uri", "invalid_request_object"),
        *("request_not_supported", "request_uri_not_supported", "registration_not_supported"),
    }
)
"""RFC 6749, 4.1.2.1, and OpenID Connect Core 1.0, 3.1.2.6."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class LostError(ScservError):
    """Somebody has come back who did not begin with this browser, or too late."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes, with which cookie. `is_kept`: the form that was sent goes with it."""

    address: str
    cookie: str = field(repr=False)
    is_kept: bool


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the browser brings back from the provider, with its address and User-Agent."""

    cookie: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    address: str
    browser: str


class ProviderSignIn:
    """Signs users in who prove at the provider who they are.

    `sign_out_back` is the desk's address to which the provider leads after signing out there.
    """

    def __init__(
        self,
        client: "ProviderClient",
        pool: ConnectionPool,
        sessions: OwnSessions,
        throttle: SignInThrottle,
        cipher: VaultCipher,
        *,
        roles: RoleMapping | None,
        clock: Callable[[], datetime],
        sign_out_back: str = "",
    ) -> None:
        self.client = client
        self._pool = pool
        self._sessions = sessions
        self._throttle = throttle
        self._cipher = cipher
        self._roles = roles
        self._clock = clock
        self._sign_out_back = sign_out_back

    @property
    def title(self) -> str:
        """The provider's name on pages."""
        return self.client.settings.title

    @property
    def issuer(self) -> str:
        """Its issuer, to which subjects belong."""
        return self.client.settings.issuer

    @property
    def user_claim(self) -> str:
        """The claim by which users are found the first time."""
        return self.client.settings.user_claim

    @property
    def gives_roles(self) -> bool:
        """Whether roles of its users come from the provider and not from the desk."""
        return self._roles is not None

    async def set_out(self, to: str, kept: str) -> Departure:
        """Begin a sign-in. Raises ProviderError and TooManySignInsError."""
        journey = set_out(to, kept, self._clock())
        cookie = sealed(journey, self._cipher)
        is_kept = len(cookie) <= MAX_COOKIE
        if not is_kept:
            journey = set_out(to, "", self._clock())
            cookie = sealed(journey, self._cipher)
        return Departure(await self._counting(self.client.address_of(journey)), cookie, is_kept)

    def journey(self, cookie: str) -> Journey | None:
        """Return the sign-in that this cookie belongs to."""
        return opened(cookie, self._cipher, self._clock())

    async def arrive(self, response: AuthorizationResponse) -> tuple[str, Journey]:
        """Return the cookie of a new session, and the sign-in that has ended with it.

        Raises LostError, BadTokenError, StrangerError, NotAllowedError, ThrottledError,
        ProviderError, TooManySignInsError, or another RetryableError.
        """
        journey = self._journey_of(response)
        code = response.query.get("code", "")
        keys = self._throttle.keys_of("", response.address)
        await self._throttle.refuse_address(keys)
        try:
            claims = await self._counting(
                self.client.claims_of(code, response.query.get("iss"), journey)
            )
            user = await self._pool.run(recognise, self._person(claims))
        except (CodeRefusedError, BadTokenError, StrangerError, NotAllowedError) as error:
            server_metrics.DESK_SIGN_INS.add(1, {"outcome": "refused"})
            await self._throttle.note_address(keys, response.address)
            log.warning("signing in at the provider: %s", error)
            if isinstance(error, CodeRefusedError):
                raise LostError(_NOT_MINE) from None
            raise
        try:
            cookie = await self._sessions.begin(user, response.browser, None, by_provider=True)
        except OvertakenError:
            raise LostError(_NOT_MINE) from None
        return cookie, journey

    def refusal_of(self, response: AuthorizationResponse) -> str:
        """Return the error with which the provider sends somebody back; "error" if it is unknown.

        Raises LostError: anybody can write such an address.
        """
        self._journey_of(response)
        given = response.query.get("error", "")
        return given if given in _ERRORS else "error"

    def _journey_of(self, response: AuthorizationResponse) -> Journey:
        """Return the sign-in that this answers. Raises LostError."""
        journey = self.journey(response.cookie)
        state = response.query.get("state", "")
        if journey is None or not hmac.compare_digest(state.encode(), journey.state.encode()):
            raise LostError(_NOT_MINE)
        return journey

    async def sign_out_address(self) -> str | None:
        """Return where the browser signs out of the provider, too; None if that is not known."""
        return await self.client.sign_out_address(self._sign_out_back)

    def _person(self, claims: Mapping[str, Any]) -> ProviderIdentity:
        mapping = self._roles
        roles = mapping.of(groups_of(claims, mapping.claim)) if mapping else None
        login, no_login = login_of(claims, self.user_claim)
        return ProviderIdentity(self.issuer, claims["sub"], login, roles, no_login)

    async def _counting(self, asking: Awaitable[Result]) -> Result:
        """Count and log a failure of the provider."""
        try:
            return await asking
        except ProviderError as error:
            server_metrics.DESK_SIGN_INS.add(1, {"outcome": "provider"})
            log.warning("the OpenID provider: %s", error)
            raise
