"""`POST /v1/resolve`: from the random subject of an event to the client it is about."""

from fastapi import APIRouter

from inbound.api.access import AtDesk, MayResolve
from inbound.api.models import MOST_SUBJECTS, ResolveAnswer, ResolvedSubject, ResolveRequest

router = APIRouter(tags=["people"])


@router.post(
    "/v1/resolve",
    operation_id="resolve",
    summary="Which clients are these subjects?",
    description=f"Up to {MOST_SUBJECTS} subjects at once. Every one of them is recorded with "
    "the token's name and the reason before the answer is given, found or not.",
    response_description="Every subject, in the order of the request.",
)
async def resolve(asked: ResolveRequest, desk: AtDesk, who: MayResolve) -> ResolveAnswer:
    """Answer with the client of each subject."""
    found = await desk.resolve(asked.subjects, who, asked.reason)
    return ResolveAnswer(
        clients=[
            ResolvedSubject(subject_id=subject_id, client_id=found.get(subject_id))
            for subject_id in asked.subjects
        ]
    )
