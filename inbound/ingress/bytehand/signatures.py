"""Signatures: the senders of an account. A person approves one before it can be used."""

import re
from typing import Any, Final

from inbound.ingress.access import Caller
from inbound.ingress.bytehand.codes import ErrorCode
from inbound.ingress.bytehand.orders import BytehandError, moment_text
from inbound.ingress.parts import Parts
from inbound.store.orders.account_senders import (
    AccountSender,
    add_sender,
    list_senders,
    remove_sender,
)

MOST: Final = 100
"""Signatures that an account may have: programs must not fill the table."""
TOO_MANY: Final = f"An account has {MOST} signatures at most; delete one first"

_ID_BYTES: Final = 4
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[!-~](?:[ -~]{0,9}[!-~])?")
_STATES: Final = frozenset({"", "NEW", "ACCEPTED", "REJECTED"})


async def find_signatures(parts: Parts, caller: Caller, state: str) -> list[dict[str, Any]]:
    """Return the signatures in this state, all if it is empty. Raises BytehandError."""
    if state not in _STATES:
        raise BytehandError(ErrorCode.PARAMETERS)
    found = [_shown(parts, one) for one in await parts.pool.run(list_senders, caller.account)]
    return [one for one in found if state in {"", one["state"]}]


async def ask_for_signature(parts: Parts, caller: Caller, text: str) -> int:
    """Ask for a signature of Latin letters; return its id. Raises BytehandError."""
    if not _NAME.fullmatch(text):
        raise BytehandError(ErrorCode.SENDER)
    senders = await parts.pool.run(list_senders, caller.account)
    if len(senders) >= MOST and text not in {one.sender for one in senders}:
        raise BytehandError(ErrorCode.LIMIT, TOO_MANY)
    await parts.pool.run(add_sender, caller.account, text, actor=caller.actor)
    return _id_of(parts, caller.account, text)


async def delete_signature(parts: Parts, caller: Caller, signature_id: str) -> None:
    """Delete the signature with this id. Raises BytehandError."""
    for one in await parts.pool.run(list_senders, caller.account):
        if str(_id_of(parts, caller.account, one.sender)) == signature_id:
            await parts.pool.run(remove_sender, caller.account, one.sender, actor=caller.actor)
            return
    raise BytehandError(ErrorCode.NOT_FOUND)


def _shown(parts: Parts, sender: AccountSender) -> dict[str, Any]:
    return {
        "id": _id_of(parts, sender.account, sender.sender),
        "text": sender.sender,
        "description": "",
        "created_at": moment_text(sender.requested_at),
        "state": "ACCEPTED" if sender.approved_at else "NEW",
    }


def _id_of(parts: Parts, account: str, sender: str) -> int:
    """Return a number that follows from the name, so that none has to be stored."""
    digest = parts.order_hasher.digest(b"signature", account.encode(), sender.encode())
    return int.from_bytes(digest[:_ID_BYTES])
