"""Who a subject is, and whether it may be texted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from inbound.api.access import BackendDep, MayRead, MayResolve, RevealReason
from inbound.api.backend import REVEAL
from inbound.api.models import (
    MAX_SUBJECTS,
    ClientId,
    ClientNumber,
    ClientSubscription,
    ResolveAnswer,
    ResolvedSubject,
    ResolveRequest,
    SubjectSubscription,
)
from inbound.api.problems import ProblemKind, Refusal, invalid
from inbound.parsers.numbers import mask
from inbound.store.access.audit import ReasonError

router = APIRouter(tags=["people"])


@router.post(
    "/v1/resolve",
    operation_id="resolve",
    summary="Which clients are these subjects?",
    description=f"Up to {MAX_SUBJECTS} subjects at once. Every one of them is recorded with "
    "the token's name and the reason before the answer is given, found or not.",
    response_description="Every subject, in the order of the request.",
)
async def resolve(asked: ResolveRequest, backend: BackendDep, who: MayResolve) -> ResolveAnswer:
    """Answer with the client of each subject."""
    try:
        found = await backend.resolve(asked.subjects, who, asked.reason)
    except ReasonError as error:
        raise invalid("body.reason", str(error)) from None
    return ResolveAnswer(
        clients=[
            ResolvedSubject(subject_id=subject_id, client_id=found.get(subject_id))
            for subject_id in asked.subjects
        ]
    )


@router.get(
    "/v1/subjects/{subject_id}/subscription",
    operation_id="subjectSubscription",
    summary="May this subject be sent notifications and broadcasts?",
    description="The same as the last record of `sms.subscriptions.v1`, half a second late at "
    "most as a rule. A subject whose person was erased is not found.",
    response_description="The state, and since when.",
)
async def subject_subscription(
    subject_id: Annotated[UUID, Path(description="as events have it")],
    backend: BackendDep,
    _: MayRead,
) -> SubjectSubscription:
    """Answer with the state of one subject."""
    try:
        found = await backend.subscription(subject_id)
    except LookupError:
        raise Refusal(ProblemKind.NOT_FOUND, "no such subject, or its person was erased") from None
    return SubjectSubscription(
        subject_id=subject_id,
        may_be_texted=found.may_be_texted if found else True,
        since=found.since if found else None,
        request_id=found.request_id if found else None,
    )


@router.get(
    "/v1/clients/{client_id:path}/subscription",
    operation_id="clientSubscription",
    summary="May this client be sent notifications and broadcasts?",
    description="A client may have several numbers, and each has a state of its own. The "
    "subjects are not named: who may know them can search for the client's requests.",
    response_description="The state of each number.",
)
async def client_subscription(
    client_id: Annotated[ClientId, Path()],
    backend: BackendDep,
    who: MayRead,
    reveal: RevealReason,
) -> ClientSubscription:
    """Answer with the state of each number of a client."""
    found = await backend.numbers(client_id)
    if not found:
        raise Refusal(ProblemKind.NOT_FOUND, "no client has this id")
    if reveal is not None:
        await backend.record(who, REVEAL, reveal, [each.subject_id for each in found])
    return ClientSubscription(
        client_id=client_id,
        numbers=[
            ClientNumber(
                phone=mask(each.number) if reveal is None else each.number,
                may_be_texted=each.subscription.may_be_texted if each.subscription else True,
                since=each.subscription.since if each.subscription else None,
            )
            for each in found
        ],
    )
