"""What became of requests and messages."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from inbound.api.access import AtDesk, MayRead
from inbound.api.desk import RESOLVE, Desk
from inbound.api.gate import Principal
from inbound.api.problems import forbidden, invalid
from inbound.api.searching import PATH, RequestPage, RequestSearch, find_page
from inbound.api.tokens import Scope

router = APIRouter(tags=["history"])


@router.get(
    PATH,
    operation_id="searchRequests",
    summary="Which requests were there?",
    description="Newest first, in pages. Half a second late at most as a rule. "
    "A phone number is looked up by `POST /v1/timeline`.",
    response_description="A page.",
)
async def search_requests(
    asked: Annotated[RequestSearch, Query()], desk: AtDesk, who: MayRead
) -> RequestPage:
    """Answer with a page of requests."""
    if asked.since and asked.until and asked.since >= asked.until:
        raise invalid("query.until", "is not later than `since`")
    subjects = None if asked.subject is None else [asked.subject]
    if asked.client is not None:
        of_client = await _subjects_of_client(desk, asked.client, who)
        subjects = [each for each in of_client if asked.subject in {None, each}]
    return await find_page(desk, asked, subjects)


async def _subjects_of_client(desk: Desk, client_id: str, who: Principal) -> list[UUID]:
    """Return a client's subjects; the answer will tell whose they are, so it is recorded."""
    if not who.may(Scope.RESOLVE):
        raise forbidden(Scope.RESOLVE)
    found = await desk.subjects_of_client(client_id)
    await desk.record(who, RESOLVE, "search for a client's requests", found)
    return found
