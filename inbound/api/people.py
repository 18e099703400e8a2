"""Routes about subjects and clients: who they are, whether they may be sent messages."""

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
from inbound.api.problems import NO_CLIENT, ProblemKind, Refusal, invalid
from inbound.parsers.numbers import mask
from inbound.store.access.audit import ReasonError

router = APIRouter(tags=["people"])


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


@router.get(
    "/v1/subjects/{subject_id}/subscription",
    operation_id="subjectSubscription",
    summary="May this subject be sent notifications and broadcasts?",
    description="The same as the last record of `sms.subscriptions.v1`, usually at most half a "
    "second behind. An erased subject is not found.",
    response_description="The state, and since when.",
)
async def subject_subscription(
    subject_id: Annotated[UUID, Path(description="subject id, as in events")],
    backend: BackendDep,
    _: MayRead,
) -> SubjectSubscription:
    """Answer with the state of one subject."""
    try:
        found = await backend.subscription(subject_id)
    except LookupError:
        raise Refusal(ProblemKind.NOT_FOUND, "the subject is unknown or was erased") from None
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
    description="Each number of a client has its own state. Subject ids are not returned; to get "
    "them, search for the client's requests, which needs the scope `resolve`.",
    response_description="The state of each number.",
)
async def client_subscription(
    client_id: Annotated[ClientId, Path()],
    backend: BackendDep,
    principal: MayRead,
    reveal: RevealReason,
) -> ClientSubscription:
    """Answer with the state of each number of a client."""
    found = await backend.numbers(client_id)
    if not found:
        raise Refusal(ProblemKind.NOT_FOUND, NO_CLIENT)
    if reveal is not None:
        await backend.record(principal, REVEAL, reveal, [each.subject_id for each in found])
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
