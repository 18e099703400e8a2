"""Who a subject is, and whether it may be texted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from inbound.api.access import AtDesk, MayRead, MayResolve, RevealReason
from inbound.api.desk import REVEAL
from inbound.api.models import (
    MOST_SUBJECTS,
    ClientId,
    ClientNumber,
    ClientSubscription,
    ResolveAnswer,
    ResolvedSubject,
    ResolveRequest,
    SubjectSubscription,
)
from inbound.api.problems import Kind, Refusal, invalid
from inbound.parsers.numbers import mask
from inbound.store.audit import ReasonError

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
    try:
        found = await desk.resolve(asked.subjects, who, asked.reason)
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
    desk: AtDesk,
    _: MayRead,
) -> SubjectSubscription:
    """Answer with the state of one subject."""
    try:
        found = await desk.subscription(subject_id)
    except LookupError:
        raise Refusal(Kind.NOT_FOUND, "no such subject, or its person was erased") from None
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
    desk: AtDesk,
    who: MayRead,
    reveal: RevealReason,
) -> ClientSubscription:
    """Answer with the state of each number of a client."""
    found = await desk.numbers(client_id)
    if not found:
        raise Refusal(Kind.NOT_FOUND, "no client has this id")
    if reveal is not None:
        await desk.record(who, REVEAL, reveal, [each.subject_id for each in found])
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
