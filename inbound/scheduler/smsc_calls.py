"""The calls to an account in SMSC's form."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json

from inbound.callbacks.posting import CallbackFailed
from inbound.callbacks.smsc_form import ReportedMessage, bodies_of_message, body_of_text
from inbound.keys import UnsealError
from inbound.parsers.network_answers import read_answer
from inbound.store.callbacks.callbacks import TakenCallback
from inbound.store.mo.account_texts import TextContent
from inbound.store.sealing import Sealer

_MESSAGES: Final = "message."
"""The prefix of the types of calls about messages."""

log = logging.getLogger(__name__)


def smsc_bodies(sealer: Sealer, one: TakenCallback, secret: str) -> Sequence[bytes]:
    """Return the bodies to post for one call, in order: none if the person was erased.

    Raises a final CallbackFailed for a call that was written for our own form, before the account
    changed to this one, and that this form can't express: people must see that it was not made.
    """
    body: dict[str, Any] = from_json(one.body)
    at = datetime.fromisoformat(body["timestamp"])
    if one.sealed_text is not None:
        content = TextContent.open(sealer, one.sealed_text, one.topic_id)
        text_id, source, destination = str(one.topic_id), content.source, content.destination
        return [body_of_text(text_id, source, destination, content.text, at, secret)]
    if not body["type"].startswith(_MESSAGES):
        raise CallbackFailed("SMSC's form has no calls about commands of clients", is_final=True)
    named = _name(sealer, one, body["data"])
    if named is None:
        return []
    if not named[0]:
        raise CallbackFailed(
            "SMSC's form can't name a message that came neither over its interfaces nor by SMPP",
            is_final=True,
        )
    message = ReportedMessage(*named, one.channel, body["data"], _told(sealer, one))
    return bodies_of_message(message, at, secret)


def _name(
    sealer: Sealer, one: TakenCallback, data: Mapping[str, Any]
) -> tuple[Sequence[str], str] | None:
    """Return the ids and the phone by which the program knows a message.

    Over HTTP the phone is what the program wrote: an address must not lead to its client's number.
    """
    if one.smsc_id is not None:
        message_id, _, phone = sealer.open_smsc_id(one.smsc_id, one.topic_id).partition(":")
        return [message_id], phone
    if one.number is None or one.subject_id is None:
        return None
    return data.get("message_ids", []), sealer.open_number(one.number, one.subject_id)


def _told(sealer: Sealer, one: TakenCallback) -> Mapping[str, str]:
    if one.answer is None or one.number_hash is None:
        return {}
    try:
        return read_answer(sealer.open_network_answer(one.answer, one.number_hash))
    except UnsealError:
        log.warning("order %s: the answer of the network can't be opened", one.topic_id)
        return {}
