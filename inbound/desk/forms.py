"""Reads forms as browsers send them: small, URL-encoded, and made for this browser."""

import json
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from inbound.desk.nul import refuse_nul
from inbound.desk.problems import (
    ErrorPage,
    OldFormError,
    SentForm,
    SignInNeededError,
    stale_form,
)
from inbound.desk.tokens import is_form_token
from inbound.stored_texts import is_storable

MAX_BODY_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 100
TOKEN_FIELD: Final = "form"  # noqa: S105 — the name of a field
KEPT_FIELD: Final = "kept"
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
_NEVER_KEPT: Final = frozenset(
    {"password", "current", "new", "again", "code", "sealed", "ticket", KEPT_FIELD}
)


async def read_form(request: Request) -> SentForm:
    """Return the form. Raises ErrorPage as `read_sign_in_form` does, and for a NUL."""
    fields = await _fields(request)
    refuse_nul([*fields, *fields.values()])
    return _genuine(request, fields)


async def read_sign_in_form(request: Request) -> SentForm:
    """Return the sign-in form. A name with a NUL matches no user, so it counts as a failure.

    Raises ErrorPage for a forged or stale form, a large or another body.
    """
    return _genuine(request, await _fields(request))


def large_form() -> ErrorPage:
    """Refuse a form with more text or more fields than any form of the desk."""
    return ErrorPage(
        413,
        "The form is too large: it may have up to 64 KB.",
        "Go back and shorten what you typed.",
    )


async def _fields(request: Request) -> dict[str, str]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise ErrorPage(415, "This address takes only forms.", "Choose a page from the menu.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise large_form()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise stale_form() from None
    return dict(pairs)


def _genuine(request: Request, fields: dict[str, str]) -> SentForm:
    cookie: str | None = request.state.cookie
    token = fields.pop(TOKEN_FIELD, "")
    form = SentForm(request.url.path, fields)
    if cookie is None or not is_form_token(token, cookie):
        raise OldFormError(form)
    return form


async def read_own_form(request: Request) -> SentForm:
    """Return a form of somebody who is signed in. Raises as `read_form` does.

    Somebody who signed out in another tab is asked to sign in (SignInNeededError), and the form is
    kept. Its token is that of the ended session, so the browser has to vouch that the form is of a
    page of this desk.
    """
    try:
        return await read_form(request)
    except OldFormError as error:
        is_of_desk = request.headers.get("sec-fetch-site") == "same-origin"
        if request.state.visitor is None and is_of_desk:
            raise SignInNeededError(error.form) from None
        raise


def kept(form: SentForm) -> str:
    """Return a form as text, to be offered again after signing in; without passwords."""
    fields = {name: value for name, value in form.fields.items() if name not in _NEVER_KEPT}
    return json.dumps({"path": form.path, "fields": fields})


def kept_form(text: str) -> SentForm | None:
    """Return the form in a text that `kept` made; None for any other text."""
    try:
        found = json.loads(text)
        path, fields = found["path"], found["fields"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(path, str) or not isinstance(fields, dict) or local_path(path) != path:
        return None
    texts = [*fields, *fields.values()]
    if not all(isinstance(one, str) and is_storable(one) for one in texts):
        return None
    return SentForm(path, fields)


def local_path(text: str) -> str:
    """Return a path within the desk, "/" for anything else, which would be an open redirect."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_local and text.isascii() and text.isprintable() else "/"
