"""Routes of signing in and out, and of the language: open to everybody."""

import math
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.forms import KEPT_FIELD, kept, kept_form, local_path, read_form, read_sign_in_form
from inbound.desk.identity.sign_in import (
    Attempt,
    CodeNeededError,
    TicketError,
    WrongPasswordError,
)
from inbound.desk.identity.throttle import ThrottledError
from inbound.desk.identity.unsent import continue_page
from inbound.desk.problems import SentForm, SignInNeededError
from inbound.desk.visitors import LANGUAGE, SESSION, cookie_name, find_visitor
from inbound.timeline.model import Language

PATH = "/sign-in"
router = APIRouter()
AnyForm = Annotated[SentForm, Depends(read_form)]
SignInForm = Annotated[SentForm, Depends(read_sign_in_form)]


@router.get("/")
async def home(request: Request, desk: DeskDep) -> RedirectResponse:
    """Redirect to the first page, or to the sign-in page."""
    return see_other(desk.pages.home(request) if request.state.visitor else PATH)


@router.get(PATH)
async def sign_in_page(request: Request, desk: DeskDep, to: str = "/") -> Response:
    """Show the sign-in page."""
    if request.state.visitor:
        return see_other(local_path(to))
    return show_sign_in(request, desk, to=local_path(to))


@router.post(PATH)
async def sign_in(request: Request, desk: DeskDep, form: SignInForm) -> Response:
    """Begin a session, or ask for a code of the second factor."""
    browser = request.headers.get("user-agent", "")
    address = desk.addresses.client(request.scope)
    try:
        attempt = Attempt(form["name"], form["password"], address, browser)
        cookie = await desk.sign_in.begin(attempt)
    except CodeNeededError as error:
        return _code_page(request, desk, form, error.ticket)
    except WrongPasswordError:
        problem = desk.pages.words(request)("The name or the password is wrong.")
        return _again(request, desk, form, problem)
    except ThrottledError as error:
        problem, headers = throttled(request, desk, error)
        return _again(request, desk, form, problem, 429, headers)
    return await _signed_in(request, desk, form, cookie)


@router.post(f"{PATH}/code")
async def sign_in_with_code(request: Request, desk: DeskDep, form: SignInForm) -> Response:
    """Begin a session of somebody whose password was right a moment ago."""
    browser = request.headers.get("user-agent", "")
    address = desk.addresses.client(request.scope)
    try:
        cookie = await desk.sign_in.finish(form["ticket"], form["code"], address, browser)
    except TicketError:
        problem = desk.pages.words(request)("That took too long. Sign in again.")
        return _again(request, desk, form, problem)
    except WrongPasswordError:
        problem = desk.pages.words(request)(
            "The code is wrong, or was used before. Wait for the next one."
        )
        return _code_page(request, desk, form, form["ticket"], 403, problem=problem)
    except ThrottledError as error:
        problem, headers = throttled(request, desk, error)
        return _code_page(request, desk, form, form["ticket"], 429, headers, problem=problem)
    return await _signed_in(request, desk, form, cookie)


@router.post("/sign-out")
async def sign_out(request: Request, desk: DeskDep, _: AnyForm) -> Response:
    """End the session; offer users of the OpenID provider to sign out there, too."""
    visitor = request.state.visitor
    answer: Response = see_other(PATH)
    if visitor:
        await desk.sign_in.sessions.end(visitor.session, visitor.session.session_id)
        if visitor.session.by_provider and desk.provider:
            address = await desk.provider.sign_out_address()
            request.state.visitor = request.state.cookie = None
            answer = desk.pages.answer(
                request, "signed_out.html", address=address, provider=desk.provider.title
            )
    secure = desk.pages.is_secure
    answer.delete_cookie(cookie_name(SESSION, is_secure=secure), secure=secure, httponly=True)
    return answer


@router.post("/language")
async def language(desk: DeskDep, form: AnyForm) -> RedirectResponse:
    """Choose the language of this browser, and redirect back."""
    answer = see_other(local_path(form["back"]))
    if form["language"] in set(Language):
        answer.set_cookie(
            LANGUAGE,
            form["language"],
            max_age=365 * 24 * 3600,
            secure=desk.pages.is_secure,
            httponly=True,
            samesite="lax",
        )
    return answer


def ask_to_sign_in(request: Request, desk: Desk, error: SignInNeededError) -> Response:
    """Answer somebody without a session: the sign-in page, which keeps a form that was sent."""
    if error.form is None:
        to = request.url.path
        if "hx-request" in request.headers:  # a part of a page: the whole page has to go there
            query = urlencode({"to": _path_in(request.headers.get("hx-current-url", ""))})
            return Response(status_code=401, headers={"HX-Redirect": f"{PATH}?{query}"})
        return see_other(PATH if to == "/" else f"{PATH}?{urlencode({'to': to})}")
    problem = desk.pages.words(request)(
        "Your session has ended. Sign in again: what you typed is kept."
    )
    return show_sign_in(request, desk, 401, problem=problem, kept=kept(error.form))


def _path_in(address: str) -> str:
    """Return the path of an address within the desk, "/" for anything else."""
    try:
        return local_path(urlsplit(address).path)
    except ValueError:
        return "/"


async def _signed_in(request: Request, desk: Desk, form: SentForm, cookie: str) -> Response:
    """Redirect to the page that needed a session, or offer the form that was sent to it."""
    before = request.state.visitor
    if before:  # signing in again leaves no old session behind
        await desk.sign_in.sessions.end(before.session, before.session.session_id)
    unsent = kept_form(form[KEPT_FIELD])
    answer: Response = see_other(local_path(form["to"]))
    if unsent is not None:
        browser = request.headers.get("user-agent", "")
        visitor = await find_visitor(desk.sign_in, cookie, browser, counts=True)
        request.state.cookie, request.state.visitor = cookie, visitor
        if visitor:
            answer = await continue_page(request, desk, unsent, visitor)
    desk.pages.set_cookie(answer, SESSION, cookie)
    return answer


def throttled(request: Request, desk: Desk, error: ThrottledError) -> tuple[str, dict[str, str]]:
    """Return the answer to somebody who has failed too often, and its headers."""
    left = (error.until - desk.clock()).total_seconds()
    problem = desk.pages.words(request)(
        "Too many failed attempts. Try again in {minutes} min.",
        minutes=max(1, math.ceil(left / 60)),
    )
    return problem, {"Retry-After": str(max(1, math.ceil(left)))}


def _code_page(
    request: Request,
    desk: Desk,
    form: SentForm,
    ticket: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    problem: str = "",
) -> HTMLResponse:
    return desk.pages.answer(
        request,
        "sign_in_code.html",
        status,
        headers,
        ticket=ticket,
        to=local_path(form["to"]),
        kept=form[KEPT_FIELD],
        problem=problem,
    )


def _again(
    request: Request,
    desk: Desk,
    form: SentForm,
    problem: str,
    status: int = 403,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """Show the sign-in page again, with all that was typed but the password."""
    return show_sign_in(
        request,
        desk,
        status,
        headers,
        to=local_path(form["to"]),
        name=form["name"],
        kept=form[KEPT_FIELD],
        problem=problem,
    )


def show_sign_in(
    request: Request,
    desk: Desk,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: str,
) -> HTMLResponse:
    """Return the sign-in page. `values` are what it has besides: to, name, kept, problem."""
    shown = {"to": "/", "name": "", "kept": "", "problem": "", **values}
    shown["provider"] = desk.provider.title if desk.provider else ""
    return desk.pages.answer(request, "sign_in.html", status, headers, **shown)
