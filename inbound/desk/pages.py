"""Renders pages: Jinja2 with everything escaped, and an error for an unknown name."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.forms import KEPT_FIELD, TOKEN_FIELD
from inbound.desk.navigation import ACCOUNT, Menu
from inbound.desk.page_addresses import page_address
from inbound.desk.static_files import static_files
from inbound.desk.tokens import form_token, new_token
from inbound.desk.visitors import FORM, cookie_name
from inbound.desk.words import NAMES, Words

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",  # browsers send "Origin: null" with forms without it
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
TRANSPORT: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
"""Of every answer, if browsers reach the desk over TLS."""


class Pages:
    """Makes answers from templates. `is_secure`: browsers reach the desk over TLS."""

    def __init__(self, menu: Menu, zone: str, *, is_secure: bool) -> None:
        self._menu = menu
        self._zone = zone
        self.is_secure = is_secure
        self.templates = _templates()

    def words(self, request: Request) -> Words:
        """Return the words in the visitor's language."""
        return Words(request.state.language, self._zone)

    def home(self, request: Request) -> str:
        """Return the path of the visitor's first page."""
        return self._menu.home(request.state.visitor)

    def answer(
        self,
        request: Request,
        template: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> HTMLResponse:
        """Return a page, or a part of one for htmx. A value is a name in the template.

        `back` is where choosing a language leads, unless that is the address of this page.
        """
        cookie: str | None = request.state.cookie
        fresh = None if cookie else new_token()
        words = self.words(request)
        text = self.templates.get_template(template).render(
            t=words,
            language=words.language,
            languages=NAMES,
            zone=self._zone,
            visitor=request.state.visitor,
            menu=self._menu.of(request.state.visitor),
            account=ACCOUNT,
            path=request.url.path,
            request_id=request.state.request_id,
            token_field=TOKEN_FIELD,
            token=form_token(cookie or fresh or ""),
            kept_field=KEPT_FIELD,
            **{"back": page_address(request), **values},
        )
        answer = HTMLResponse(text, status, headers=dict(headers or {}))
        answer.headers["Content-Language"] = words.language.value
        answer.headers["Vary"] = "Accept-Language, Cookie"
        if fresh:
            self.set_cookie(answer, FORM, fresh)
        return answer

    def set_cookie(self, answer: Response, name: str, value: str) -> None:
        """Set a cookie until the browser is closed; no script and no other site can use it."""
        answer.set_cookie(
            cookie_name(name, is_secure=self.is_secure),
            value,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )


@cache
def _templates() -> Environment:
    """Return the templates: the same for all pages of a process, so each is compiled once."""
    templates = Environment(
        loader=PackageLoader("inbound.desk"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["static"] = lambda name: static_files()[name].address
    return templates
