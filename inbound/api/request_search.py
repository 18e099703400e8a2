"""The route that searches requests."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from inbound.api.access import BackendDep, MayRead
from inbound.api.admission import Principal
from inbound.api.backend import RESOLVE, Backend
from inbound.api.json_bodies import JsonRoute
from inbound.api.problems import NO_CLIENT, ProblemKind, Refusal, forbidden, invalid
from inbound.api.request_pages import PATH, RequestPage, RequestSearch, find_page
from inbound.api.tokens import Scope

router = APIRouter(tags=["history"], route_class=JsonRoute)


@router.get(
    PATH,
    operation_id="searchRequests",
    summary="Search requests",
    description="Newest first, in pages. Usually at most half a second behind: `as_of` and "
    "`pending` tell how far. To look up a phone number use `POST /v1/timeline`.",
    response_description="A page of requests.",
)
async def search_requests(
    asked: Annotated[RequestSearch, Query()], backend: BackendDep, who: MayRead
) -> RequestPage:
    """Answer with a page of requests."""
    if asked.since and asked.until and asked.since >= asked.until:
        raise invalid("query.until", "has to be later than `since`")
    subjects = None if asked.subject is None else [asked.subject]
    if asked.client is not None:
        of_client = await _subjects_of_client(backend, asked.client, who)
        subjects = [each for each in of_client if asked.subject in {None, each}]
    return await find_page(backend, who, asked, subjects)


async def _subjects_of_client(backend: Backend, client_id: str, who: Principal) -> list[UUID]:
    """Return the subjects of a client. The answer identifies them, so it is recorded."""
    if not who.may(Scope.RESOLVE):
        raise forbidden(Scope.RESOLVE)
    found = await backend.subjects_of_client(client_id)
    if found is None:
        raise Refusal(ProblemKind.NOT_FOUND, NO_CLIENT)
    await backend.record(who, RESOLVE, "search for a client's requests", found)
    return found
