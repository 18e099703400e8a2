"""Senders of accounts as people manage them: asked for, then approved.

The transaction of a change writes its audit entry, too. Senders that are numbers are masked there,
because entries are permanent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from inbound.parsers.numbers import mask
from inbound.store.access import audit
from inbound.store.access.approval_rules import needs_second_person
from inbound.store.connections import raises_store_errors
from inbound.store.orders.rows import AccountMissingError
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "account_senders")
_LOCK_ACCOUNT: Final = _SQL["lock_account"]
_LIST_SENDERS: Final = _SQL["list_senders"]
_ADD_SENDER: Final = _SQL["add_sender"]
_APPROVE_SENDER: Final = _SQL["approve_sender"]
_FIND_SENDER: Final = _SQL["find_sender"]
_DELETE_SENDER: Final = _SQL["delete_sender"]


@dataclass(frozen=True, slots=True)
class AccountSender:
    """A sender that an account asked for. Orders may use it once a person has approved it."""

    account: str
    sender: str
    requested_by: str | None
    requested_at: datetime
    approved_by: str | None
    approved_at: datetime | None


class SenderMissingError(LookupError):
    """Nobody has asked for this sender."""


class SelfApprovalError(Exception):
    """A person may not approve the sender that they have asked for."""


@raises_store_errors
def list_senders(conn: psycopg.Connection, account: str | None = None) -> list[AccountSender]:
    """Return the senders of all accounts or of one, by account and sender."""
    with conn.cursor(row_factory=class_row(AccountSender)) as cursor:
        return cursor.execute(_LIST_SENDERS, {"account": account}).fetchall()


@raises_store_errors
def add_sender(conn: psycopg.Connection, account: str, sender: str, *, actor: str) -> bool:
    """Ask for a sender; False if the account has it. Raises AccountMissingError."""
    with conn.transaction():
        _require(conn, account)
        parameters = {"account": account, "sender": sender, "actor": actor}
        if conn.execute(_ADD_SENDER, parameters).rowcount == 0:
            return False
        audit.record_change(conn, actor, "accounts.senders.add", _about(account, sender))
    return True


@raises_store_errors
def approve_sender(
    conn: psycopg.Connection, account: str, sender: str, *, actor: str, reason: str = ""
) -> bool:
    """Approve a sender that the account has asked for; False if it is approved already.

    Raises AccountMissingError, SenderMissingError, and SelfApprovalError.
    """
    with conn.transaction():
        _require(conn, account)
        found = _find_sender(conn, account, sender)
        if found is None:
            raise SenderMissingError(sender)
        if found.approved_at is not None:
            return False
        if found.requested_by == actor and needs_second_person(conn, actor):
            raise SelfApprovalError(actor)
        parameters = {"account": account, "sender": sender, "actor": actor}
        conn.execute(_APPROVE_SENDER, parameters)
        audit.record_change(
            conn, actor, "accounts.senders.approve", _about(account, sender, reason)
        )
    return True


@raises_store_errors
def remove_sender(
    conn: psycopg.Connection, account: str, sender: str, *, actor: str, reason: str = ""
) -> bool:
    """Take a sender away, approved or not; False if the account has none like it."""
    with conn.transaction():
        parameters = {"account": account, "sender": sender}
        if conn.execute(_DELETE_SENDER, parameters).rowcount == 0:
            return False
        audit.record_change(conn, actor, "accounts.senders.remove", _about(account, sender, reason))
    return True


def _find_sender(conn: psycopg.Connection, account: str, sender: str) -> AccountSender | None:
    with conn.cursor(row_factory=class_row(AccountSender)) as cursor:
        return cursor.execute(_FIND_SENDER, {"account": account, "sender": sender}).fetchone()


def _require(conn: psycopg.Connection, account: str) -> None:
    if conn.execute(_LOCK_ACCOUNT, {"account": account}).fetchone() is None:
        raise AccountMissingError(account)


def _about(account: str, sender: str, reason: str = "") -> str:
    shown = mask(sender) if sender.lstrip("+").isdigit() else sender
    return f"{account}: {shown}" + (f": {reason}" if reason else "")
