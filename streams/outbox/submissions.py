"""What a bind gets of a claimed message, in the form that the bind takes."""

import asyncio

from inbound.smpp.message_ids import without_quotes
from inbound.smpp.pdu import SubmitSmResp
from schemas.lanes import Lane
from schemas.messages import MobileTerminated
from streams.outbox.effects import Submit
from streams.outbox.encoding import EncodedText, Encoder, undivided
from streams.outbox.phases import Claim, Claimed, Fetched
from streams.outbox.ports import BindPort, WholeMessageBind


def text_of(
    encoder: Encoder, message: MobileTerminated, claim: Claim, bind: BindPort
) -> EncodedText:
    """Return the text of a message, in parts unless the bind takes it whole.

    Raises whatever a missing or faulty template makes the renderer raise.
    """
    if isinstance(bind, WholeMessageBind):
        return undivided(claim.text or "")
    return encoder.text(message, claim.secret, bind.alphabet, claim.text)


def begin(
    encoder: Encoder, fetched: Fetched, claimed: Claimed, submit: Submit
) -> asyncio.Future[SubmitSmResp]:
    """Hand one part to its bind; never waits.

    The future ends as that of `SmppBind.submit`. Raises UnencodableError, and ValueError for a
    sender that can't be one.
    """
    bind, text = submit.bind, claimed.progress.text
    if isinstance(bind, WholeMessageBind):
        return bind.send(encoder.outgoing(fetched.message, claimed.claim.address, text))
    pdu = encoder.submit_sm(
        claimed.claim.number or "",
        text,
        submit.part,
        alphabet=bind.alphabet,
        valid_for=submit.valid_for,
        sender=fetched.message.sender,
    )
    return bind.submit(pdu, bulk=fetched.lane is Lane.BULK)


def id_to_store(message_id: str, message: MobileTerminated, claimed: Claimed) -> str | None:
    """Return the SMS centre's id: a digest if it quotes the number or a secret, None if empty."""
    words = claimed.progress.text.words() if message.secret else ()
    return without_quotes(message_id, claimed.claim.number or "", words) or None
