"""The route that tells which clients subjects are."""

from fastapi import APIRouter

from inbound.api.access import BackendDep, MayResolve
from inbound.api.json_bodies import JsonRoute
from inbound.api.models import MAX_SUBJECTS, ResolveAnswer, ResolvedSubject, ResolveRequest
from inbound.api.problems import invalid
from inbound.store.access.audit import ReasonError

router = APIRouter(tags=["people"], route_class=JsonRoute)


@router.post(
    "/v1/resolve",
    operation_id="resolve",
    summary="Which clients are these subjects?",
    description=f"Up to {MAX_SUBJECTS} subjects at once. Each is recorded with the token's name "
    "and the reason before the answer, found or not.",
    response_description="Every subject, in the order of the request.",
)
async def resolve(
    body: ResolveRequest, backend: BackendDep, principal: MayResolve
) -> ResolveAnswer:
    """Answer with the client of each subject."""
    try:
        found = await backend.resolve(body.subjects, principal, body.reason)
    except ReasonError as error:
        raise invalid("body.reason", str(error)) from None
    return ResolveAnswer(
        clients=[
            ResolvedSubject(subject_id=subject_id, **found[subject_id]._asdict())
            for subject_id in body.subjects
        ]
    )
