"""Routes of signing in at the provider: open to everybody.

A sign-in begins with a form, so that nobody is signed in without having asked. The answer is a page
that redirects by itself, because the policy lets no form end at another host.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.forms import KEPT_FIELD, kept_form, local_path, read_form
from inbound.desk.identity.signing_in import show_sign_in, throttled
from inbound.desk.identity.throttle import ThrottledError
from inbound.desk.identity.unsent import TYPED, continue_page
from inbound.desk.problems import SentForm, not_found
from inbound.desk.provider.binding import NotAllowedError, StrangerError
from inbound.desk.provider.errors import BadTokenError, ProviderError
from inbound.desk.provider.provider_sign_in import AuthorizationResponse, LostError, ProviderSignIn
from inbound.desk.visitors import SESSION, cookie_name

PATH: Final = "/sign-in/provider"
BACK: Final = "/sign-in/back"
_CONTINUE: Final = "/sign-in/continue"
_JOURNEY: Final = "scserv_journey"

router = APIRouter()
AnyForm = Annotated[SentForm, Depends(read_form)]


@router.post(PATH)
async def set_out(request: Request, desk: DeskDep, form: AnyForm) -> Response:
    """Redirect to the provider."""
    provider = _provider(desk)
    to, kept = local_path(form["to"]), form[KEPT_FIELD]
    try:
        departure = await provider.set_out(to, kept)
    except ProviderError:
        return _away(request, desk, provider, to=to, kept=kept)
    unsent = None if departure.is_kept else kept_form(kept)
    answer = desk.pages.answer(
        request, "leaving.html", address=departure.address, unsent=unsent, labels=TYPED,
        provider=provider.title,
    )  # fmt: skip
    desk.pages.set_cookie(answer, _JOURNEY, departure.cookie)
    return answer


@router.get(BACK)
async def arrive(request: Request, desk: DeskDep) -> Response:
    """Begin a session of somebody whom the provider sends back."""
    provider = _provider(desk)
    response = AuthorizationResponse(
        _journey_cookie(request, desk),
        dict(request.query_params),
        desk.addresses.client(request.scope),
        request.headers.get("user-agent", ""),
    )
    if "error" in response.query and "code" not in response.query:
        return _declined(request, desk, provider, response)
    try:
        cookie, journey = await provider.arrive(response)
    except ThrottledError as error:
        problem, headers = throttled(request, desk, error)
        return show_sign_in(request, desk, 429, headers, problem=problem)
    except ProviderError:
        return _away(request, desk, provider, to=_to(provider, response))
    except (LostError, BadTokenError, StrangerError, NotAllowedError) as error:
        problem = _refusal(request, desk, provider, error)
        to = _to(provider, response)
        return show_sign_in(request, desk, 403, problem=problem, to=to)
    before = request.state.visitor
    if before:  # signing in again leaves no old session behind
        await desk.sign_in.sessions.end(before.session, before.session.session_id)
    answer = see_other(_CONTINUE if journey.kept else local_path(journey.to))
    desk.pages.set_cookie(answer, SESSION, cookie)
    if not journey.kept:
        _forget_journey(desk, answer)
    return answer


@router.get(_CONTINUE)
async def go_on(request: Request, desk: DeskDep) -> Response:
    """Offer the form again that was sent without a session."""
    journey = _provider(desk).journey(_journey_cookie(request, desk))
    unsent = kept_form(journey.kept) if journey else None
    if unsent is None or not request.state.visitor:
        return see_other("/")
    answer = await continue_page(request, desk, unsent, request.state.visitor)
    _forget_journey(desk, answer)
    return answer


def _provider(desk: Desk) -> ProviderSignIn:
    if desk.provider is None:
        raise not_found()
    return desk.provider


def _away(
    request: Request, desk: Desk, provider: ProviderSignIn, *, to: str, kept: str = ""
) -> Response:
    problem = desk.pages.words(request)(
        "{provider} does not answer as it should. Nothing was changed. Try again in a minute; "
        "administrators can sign in with a password.",
        provider=provider.title,
    )
    return show_sign_in(
        request, desk, 503, {"Retry-After": "60"}, problem=problem, to=to, kept=kept
    )


def _declined(
    request: Request, desk: Desk, provider: ProviderSignIn, response: AuthorizationResponse
) -> Response:
    """Say that the provider has sent somebody back without a code (RFC 6749, 4.1.2.1)."""
    try:
        problem = desk.pages.words(request)(
            "{provider} has not let you in: {error}. Nothing was changed.",
            provider=provider.title,
            error=provider.refusal_of(response),
        )
    except LostError as error:
        problem = _refusal(request, desk, provider, error)
    to = _to(provider, response)
    return show_sign_in(request, desk, 403, problem=problem, to=to)


def _refusal(request: Request, desk: Desk, provider: ProviderSignIn, error: Exception) -> str:
    words, title = desk.pages.words(request), provider.title
    match error:
        case StrangerError():
            return words(
                "{provider} knows you, the desk does not. Tell an administrator of the desk who "
                "you are there: {person}",
                provider=title,
                person=error.person.login or error.person.subject,
            )
        case NotAllowedError():
            return words(
                "You may not use the desk: your user is disabled, or {provider} gives you no role. "
                "Ask an administrator.",
                provider=title,
            )
        case BadTokenError():
            return words(
                "The answer of {provider} is not valid, and nobody was signed in. Try again; if it "
                "stays so, tell an operator: the log says why.",
                provider=title,
            )
    return words("That took too long, or was begun in another browser. Sign in again.")


def _to(provider: ProviderSignIn, response: AuthorizationResponse) -> str:
    """Return the page that was wanted when this browser set out."""
    journey = provider.journey(response.cookie)
    return local_path(journey.to) if journey else "/"


def _journey_cookie(request: Request, desk: Desk) -> str:
    return request.cookies.get(cookie_name(_JOURNEY, is_secure=desk.pages.is_secure), "")


def _forget_journey(desk: Desk, answer: Response) -> None:
    secure = desk.pages.is_secure
    answer.delete_cookie(cookie_name(_JOURNEY, is_secure=secure), secure=secure, httponly=True)
