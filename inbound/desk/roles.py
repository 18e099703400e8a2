"""The rights of each role at the desk. A user has one or more roles. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from inbound.errors import SetupError
from schemas.documented_enum import DocumentedEnum


class Role(DocumentedEnum):
    """What a user of the desk is there for."""

    VIEWER = "viewer", "sees everything but whole numbers, and changes nothing"
    SUPPORT = "support", "answers clients: whole numbers, notifications, messages to one person"
    EDITOR = "editor", "prepares messages and broadcasts"
    APPROVER = "approver", "releases what others have prepared"
    OPERATOR = "operator", "keeps the service running"
    ADMINISTRATOR = "administrator", "may do everything"


class Right(DocumentedEnum):
    """What a page or an action needs."""

    ACCOUNT = "account", "see and change one's own account"
    PEOPLE = "people", "look people up; their numbers are masked"
    REVEAL = "reveal", "see a whole number, for a recorded reason"
    SWITCH = "switch", "switch a person's notifications on or off at their request"
    SEND = "send", "send a notification to one person"
    TEMPLATES = "templates", "see the templates of messages"
    TEMPLATES_CHANGE = "templates_change", "write templates and new versions, and retire them"
    STATUS = "status", "see how the service is, dead letters masked, and the daily report"
    DEAD_LETTERS = "dead_letters", "reveal, retry and discard dead letters"
    HANDSET = "handset", "text the service from a simulated phone"
    USERS = "users", "see who signs in at the desk, and with which roles"
    USERS_CHANGE = "users_change", "create, change and disable users"
    CLIENTS = "clients", "see which client a number belongs to, without secrets"
    CLIENTS_CHANGE = "clients_change", "add, change and import clients"
    ACCOUNTS = "accounts", "see the accounts that have messages sent"
    ACCOUNTS_CHANGE = "accounts_change", "change accounts: rights, limits, balance, callback URL"
    SENDERS = "senders", "approve and remove senders of accounts"
    TOKENS = "tokens", "see the tokens of the HTTP API; their secrets are not stored"
    TOKENS_CHANGE = "tokens_change", "create and revoke tokens of the HTTP API"
    BROADCASTS = "broadcasts", "see broadcasts and how far they are; numbers are masked"
    PREPARE_BROADCASTS = "prepare_broadcasts", "make drafts of broadcasts, and start them"
    APPROVE_BROADCASTS = "approve_broadcasts", "approve a broadcast that somebody else has prepared"
    CONTROL_BROADCASTS = "control_broadcasts", "pause, resume, confirm and cancel broadcasts"
    BROADCAST_ROWS = "broadcast_rows", "download rows of a broadcast with whole numbers"
    AUDIT = "audit", "see who changed, viewed or revealed what"


_ALL: Final = frozenset(Role)
_OVERSIGHT: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR})

RIGHTS: Final[Mapping[Right, frozenset[Role]]] = {
    Right.ACCOUNT: _ALL,
    Right.PEOPLE: _ALL,
    Right.REVEAL: frozenset({Role.SUPPORT, Role.ADMINISTRATOR}),
    Right.SWITCH: frozenset({Role.SUPPORT, Role.ADMINISTRATOR}),
    Right.SEND: frozenset({Role.SUPPORT, Role.EDITOR, Role.ADMINISTRATOR}),
    Right.TEMPLATES: _ALL,
    Right.TEMPLATES_CHANGE: frozenset({Role.EDITOR, Role.ADMINISTRATOR}),
    Right.STATUS: _ALL,
    Right.DEAD_LETTERS: frozenset({Role.OPERATOR, Role.ADMINISTRATOR}),
    Right.HANDSET: _ALL - {Role.VIEWER, Role.APPROVER},
    Right.USERS: _OVERSIGHT,
    Right.USERS_CHANGE: frozenset({Role.ADMINISTRATOR}),
    Right.CLIENTS: _ALL,
    Right.CLIENTS_CHANGE: frozenset({Role.OPERATOR, Role.ADMINISTRATOR}),
    Right.ACCOUNTS: _ALL - {Role.SUPPORT},
    Right.ACCOUNTS_CHANGE: frozenset({Role.OPERATOR, Role.ADMINISTRATOR}),
    Right.SENDERS: frozenset({Role.APPROVER, Role.ADMINISTRATOR}),
    Right.TOKENS: _OVERSIGHT,
    # A token can have any scope, so making one must not give more than its maker may do.
    Right.TOKENS_CHANGE: frozenset({Role.ADMINISTRATOR}),
    Right.BROADCASTS: _ALL,
    Right.PREPARE_BROADCASTS: frozenset({Role.EDITOR, Role.ADMINISTRATOR}),
    Right.APPROVE_BROADCASTS: frozenset({Role.APPROVER, Role.ADMINISTRATOR}),
    Right.CONTROL_BROADCASTS: _ALL - {Role.VIEWER, Role.SUPPORT},
    Right.BROADCAST_ROWS: frozenset({Role.EDITOR, Role.ADMINISTRATOR}),
    Right.AUDIT: _OVERSIGHT,
}
"""The roles that have a right."""


def parse_roles(text: str, setting: str) -> frozenset[Role]:
    """Return the roles of a list with commas. Raises SetupError, which names the setting."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Role)]
    if unknown:
        raise SetupError(f"{setting}: {unknown[0]!r} is no role; roles are {', '.join(Role)}")
    return frozenset(map(Role, names))


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """Return what somebody with these roles may do; a role of a newer release gives no right."""
    held = set(roles)
    return frozenset(right for right, having in RIGHTS.items() if held & having)
