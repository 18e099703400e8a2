"""Finds the visitor and their language before a route runs, from cookies and headers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from inbound.api.languages import DEFAULT, best_language
from inbound.desk.forms import read_own_form
from inbound.desk.identity.sign_in import SignIn
from inbound.desk.problems import SentForm, SignInNeededError, factor_needed, forbidden
from inbound.desk.roles import Right, rights_of
from inbound.desk.tokens import is_token
from inbound.errors import RetryableError
from inbound.store.access.desk_sessions import ValidSession
from inbound.timeline.model import Language

SESSION: Final = "scserv_session"
FORM: Final = "scserv_form"
LANGUAGE: Final = "scserv_language"
STATIC: Final = "/static/"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in user."""

    session: ValidSession
    rights: frozenset[Right]
    lacks_factor: bool = False
    """Their role needs a second factor that they have not set up yet."""

    @property
    def name(self) -> str:
        """The user's name, for pages and the log."""
        return self.session.name

    def may(self, right: Right) -> bool:
        """Whether a role of the user has this right."""
        return right in self.rights


@dataclass(frozen=True, slots=True)
class Action:
    """A form that a signed-in user has sent, and may send."""

    visitor: Visitor
    form: SentForm


def cookie_name(name: str, *, is_secure: bool) -> str:
    """Return a cookie's name; browsers let only this host set `__Host-` ones (RFC 6265bis)."""
    return f"__Host-{name}" if is_secure else name


def language_of(request: Request) -> Language:
    """Return the language that was chosen in this browser, or else the one that it likes best."""
    chosen = request.cookies.get(LANGUAGE)
    if chosen in set(Language):
        return Language(chosen)
    return best_language(request.headers.get("accept-language")) or DEFAULT


def is_polling(request: Request) -> bool:
    """Whether a page polls without its user: that keeps no session alive."""
    return request.method == "GET" and "hx-request" in request.headers


async def find_visitor(
    sign_in: SignIn, cookie: str, browser: str, *, counts: bool
) -> Visitor | None:
    """Return the visitor of a session; None if it is not valid. Raises RetryableError.

    If it `counts`, the session is used now.
    """
    found = await sign_in.sessions.find(cookie, browser, counts=counts)
    if found is None:
        return None
    if sign_in.sessions.lacks_factor(found):
        return Visitor(found, frozenset({Right.ACCOUNT}), lacks_factor=True)
    return Visitor(found, rights_of(found.roles))


class VisitorMiddleware:
    """Puts `visitor`, `language` and `cookie`, that of forms, into the state of each request."""

    def __init__(
        self,
        app: ASGIApp,
        sign_in: SignIn,
        render: Callable[[Exception, Scope], Response],
        *,
        is_secure: bool,
    ) -> None:
        """`render` makes the page of an outage."""
        self._app = app
        self._render = render
        self._sign_in = sign_in
        self._is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the visitor, and pass the request on."""
        request = Request(scope)
        state = scope.setdefault("state", {})
        state["language"] = language_of(request)
        state["visitor"] = None
        session = self._cookie(request, SESSION)
        state["cookie"] = session or self._cookie(request, FORM)
        if session and not scope["path"].startswith(STATIC):
            try:
                browser, counts = request.headers.get("user-agent", ""), not is_polling(request)
                visitor = await find_visitor(self._sign_in, session, browser, counts=counts)
            except RetryableError as error:
                await self._render(error, scope)(scope, receive, send)
                return
            state["visitor"] = state["principal"] = visitor
        await self._app(scope, receive, send)

    def _cookie(self, request: Request, name: str) -> str | None:
        value = request.cookies.get(cookie_name(name, is_secure=self._is_secure), "")
        return value if is_token(value) else None


@dataclass(frozen=True, slots=True)
class Sees:
    """The dependency of a page: returns the visitor if they have the right."""

    right: Right

    def __call__(self, request: Request) -> Visitor:
        """Return the visitor. Raises SignInNeededError and ErrorPage."""
        return _allowed(request.state.visitor, self.right, None)


@dataclass(frozen=True, slots=True)
class Does:
    """The dependency of an action: returns the form if it is genuine and its sender may."""

    right: Right

    async def __call__(self, request: Request) -> Action:
        """Return the action. Raises SignInNeededError and ErrorPage."""
        form = await read_own_form(request)
        return Action(_allowed(request.state.visitor, self.right, form), form)


def _allowed(visitor: Visitor | None, right: Right, form: SentForm | None) -> Visitor:
    if visitor is None:
        raise SignInNeededError(form)
    if not visitor.may(right):
        raise factor_needed() if visitor.lacks_factor else forbidden()
    return visitor
