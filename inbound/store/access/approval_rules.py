"""When a second person has to approve something, as the running service was told.

The scheduler publishes its settings when it begins to send broadcasts; commands and the API read
them from the database. So what a person sets in their own shell changes nothing.
"""

from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.handlers.approvals import BROADCASTS_ABOVE, SenderApproval
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "approval_rules")
_PUBLISH_RULES: Final = _SQL["publish_rules"]
_FIND_RULES: Final = _SQL["find_rules"]
_HAS_OTHER_PEOPLE: Final = _SQL["has_other_people"]


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """The rules. Those of a service whose scheduler has never run are the defaults."""

    broadcasts_above: int = BROADCASTS_ABOVE
    """Broadcasts to more recipients need a second person."""
    senders: SenderApproval = SenderApproval.AUTO


@raises_store_errors
def publish_rules(conn: psycopg.Connection, rules: ApprovalRules) -> None:
    """Store the rules by which commands and the API decide from now on."""
    parameters = {"broadcasts_above": rules.broadcasts_above, "senders": rules.senders.value}
    conn.execute(_PUBLISH_RULES, parameters)


@raises_store_errors
def find_rules(conn: psycopg.Connection) -> ApprovalRules:
    """Return the rules of the service."""
    row = conn.execute(_FIND_RULES).fetchone()
    return ApprovalRules() if row is None else ApprovalRules(row[0], SenderApproval(row[1]))


@raises_store_errors
def needs_second_person(conn: psycopg.Connection, actor: str) -> bool:
    """Whether somebody else than this person has to approve a sender that they have asked for."""
    rule = find_rules(conn).senders
    if rule is SenderApproval.AUTO:
        return conn.execute(_HAS_OTHER_PEOPLE, {"actor": actor}).fetchone() == (True,)
    return rule is SenderApproval.SECOND
