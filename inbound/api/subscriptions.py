"""Routes that answer whether people may be sent messages.

Answers are read from the log, so none is older than a stop that was confirmed to the person.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from inbound.api.access import BackendDep, MayRead, RevealReason
from inbound.api.backend import REVEAL
from inbound.api.json_bodies import JsonRoute
from inbound.api.models import ClientId
from inbound.api.person_states import Named, person_states
from inbound.api.problems import NO_CLIENT, ProblemKind, Refusal
from inbound.api.subscription_models import (
    MAX_RECIPIENTS,
    ClientNumber,
    ClientSubscription,
    Recipient,
    RecipientSubscription,
    RecipientSubscriptions,
    SubjectSubscription,
    SubscriptionQuery,
    SubscriptionState,
)
from inbound.api.tokens import Scope

_CURRENT = (
    "Never older than a `CLIENT sms stop` that was confirmed to the person, and never older than "
    "`sms.subscriptions.v1`. `pending` tells what may change it in a moment."
)

router = APIRouter(tags=["people"], route_class=JsonRoute)


@router.get(
    "/v1/subjects/{subject_id}/subscription",
    operation_id="subjectSubscription",
    summary="May this subject be sent notifications and broadcasts?",
    description=f"{_CURRENT} An erased subject is not found.",
    response_description="The state, and since when.",
)
async def subject_subscription(
    subject_id: Annotated[UUID, Path(description="subject id, as in events")],
    backend: BackendDep,
    _: MayRead,
) -> SubjectSubscription:
    """Answer with the state of one subject."""
    [found] = await person_states(backend.sources, [Named(subject_id=subject_id)])
    if not found.numbers:
        raise Refusal(ProblemKind.NOT_FOUND, "no subject has this id, or the person was erased")
    subscription = found.numbers[0].subscription
    return SubjectSubscription(
        **SubscriptionState.values_of(subscription),
        **SubjectSubscription.current(found.freshness),
        subject_id=subject_id,
        request_id=subscription.request_id if subscription else None,
    )


@router.get(
    "/v1/clients/{client_id:path}/subscription",
    operation_id="clientSubscription",
    summary="May this client be sent notifications and broadcasts?",
    description=f"Each number of a client has its own state. {_CURRENT} Subject ids are returned "
    "if the token also has the scope `resolve`.",
    response_description="The state of each number.",
)
async def client_subscription(
    client_id: Annotated[ClientId, Path()],
    backend: BackendDep,
    principal: MayRead,
    reveal: RevealReason,
) -> ClientSubscription:
    """Answer with the state of each number of a client."""
    [found] = await person_states(backend.sources, [Named(client_id=client_id)])
    if not found.numbers:
        raise Refusal(ProblemKind.NOT_FOUND, NO_CLIENT)
    if reveal is not None:
        subjects = [each.subject_id for each in found.numbers]
        await backend.record(principal, REVEAL, reveal, subjects)
    resolve = principal.may(Scope.RESOLVE)
    return ClientSubscription(
        client_id=client_id,
        numbers=[
            ClientNumber.of(each, reveal=reveal is not None, resolve=resolve)
            for each in found.numbers
        ],
        **ClientSubscription.current(found.freshness),
    )


@router.post(
    "/v1/subscriptions/query",
    operation_id="querySubscriptions",
    summary="May these people be sent notifications and broadcasts?",
    description=f"Up to {MAX_RECIPIENTS} numbers, clients and subjects at once, with the answers "
    f"that each would get on its own. A recipient that is not a mobile number or an id has a "
    f"`problem`, and the others are answered all the same. {_CURRENT} Changes nothing; it is a "
    "POST so that numbers are in no path and no log.",
    response_description="Every recipient, in the order of the request.",
)
async def query_subscriptions(
    body: SubscriptionQuery, backend: BackendDep, principal: MayRead
) -> RecipientSubscriptions:
    """Answer with the state of each number of each recipient."""
    named = [_named(one) for one in body.recipients]
    states = iter(
        await person_states(backend.sources, [one for one in named if isinstance(one, Named)])
    )
    resolve = principal.may(Scope.RESOLVE)
    return RecipientSubscriptions(
        subscriptions=[
            RecipientSubscription.of(next(states), resolve=resolve)
            if isinstance(one, Named)
            else RecipientSubscription(found=False, numbers=[], problem=one)
            for one in named
        ]
    )


def _named(recipient: Recipient) -> Named | str:
    """Return whom a recipient names, or why it can name nobody."""
    try:
        return recipient.named()
    except ValueError as error:
        return str(error)
