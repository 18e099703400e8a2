"""Checks what a person or program wants to broadcast, before an audience is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import AudienceRowError, Content
from inbound.broadcasts.content import (
    DraftError,
    TextError,
    TextFault,
    own_text,
    template_text,
    text_error,
)
from inbound.broadcasts.sealing import AudienceSealer
from inbound.store.access.audit import ReasonError, check_reason
from inbound.store.orders.accounts import read_account
from inbound.store.orders.rows import BROADCASTS, Account
from inbound.store.orders.templates import list_versions
from inbound.wording import both
from schemas.sending_hours import SendingHours

LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class BroadcastPlan:
    """What is to be sent, apart from the audience. `columns` are fields of the table."""

    name: str
    created_by: str
    account: str = "default"
    text: str | None = field(default=None, repr=False)
    template: str | None = None
    template_version: int | None = None
    sender: str | None = None
    hours: SendingHours | None = None
    is_spread: bool = False
    rate_per_s: int | None = None
    columns: Sequence[str] = ()

    def sealed_text(self, sealer: AudienceSealer, broadcast_id: UUID) -> bytes | None:
        """Return the sealed text, if it has a text of its own."""
        return None if self.text is None else sealer.seal_text(self.text, broadcast_id)


@dataclass(frozen=True, slots=True)
class CheckedPlan:
    """A plan that was checked, with the account and content that its audience needs."""

    plan: BroadcastPlan
    account: Account
    content: Content


@dataclass(frozen=True, slots=True)
class DraftRules:
    """The service's own sender, and its alphabet for counting SMS parts."""

    sender: str
    alphabet: str


def prepare(conn: psycopg.Connection, plan: BroadcastPlan, rules: DraftRules) -> CheckedPlan:
    """Check a plan. Blocks on the database. Raises DraftError that names the field."""
    name = _checked_name(plan.name)
    if plan.is_spread and plan.hours is None:
        raise DraftError(
            "spread",
            both(
                "needs hours: it spreads the messages over them",
                "нужны часы отправки: сообщения распределяются по ним",
            ),
        )
    if (plan.text is None) == (plan.template is None):
        raise TextError(
            TextFault.CHOICE,
            both(
                "give a text or a template, and not both",
                "укажите текст или шаблон, но не то и другое",
            ),
        )
    account = _account(conn, plan, rules)
    content, version = _content(conn, plan, account, rules)
    checked = replace(plan, name=name, template_version=version, columns=content.fields)
    return CheckedPlan(checked, account, content)


def require_no_fields(content: Content) -> None:
    """Raise DraftError if a content is too long or needs a table: the directory has no fields."""
    if content.fields:
        field = content.fields[0]
        raise DraftError(
            "audience",
            both(
                "{field} is a field of the text, so it needs a table with that column; all clients "
                "have none",
                "{field} — поле текста, поэтому нужна таблица с таким столбцом; у всех клиентов "
                "его нет",
                field=field,
            ),
        )
    try:
        content.count_parts({})
    except AudienceRowError as fault:
        raise text_error(fault) from None


def _checked_name(name: str) -> str:
    try:
        return check_reason(name, max_length=LONGEST_NAME)
    except ReasonError as error:  # it is recorded in the audit for ever
        raise DraftError("name", str(error).replace("a reason", "a name")) from None


def _account(conn: psycopg.Connection, plan: BroadcastPlan, rules: DraftRules) -> Account:
    account = read_account(conn, plan.account)
    if account is None:
        raise DraftError(
            "account",
            both("there is no account {name}", "учётной записи {name} нет", name=plan.account),
        )
    if not account.enabled:
        raise DraftError(
            "account",
            both(
                "the account {name} is disabled",
                "учётная запись {name} отключена",
                name=plan.account,
            ),
        )
    if BROADCASTS not in account.rights:
        raise DraftError(
            "account",
            both(
                "the account {name} has no right to broadcasts",
                "у учётной записи {name} нет права на рассылки",
                name=plan.account,
            ),
        )
    if plan.sender not in {None, rules.sender, *account.senders}:
        raise DraftError(
            "sender",
            both(
                "is not approved for the account {name}",
                "отправитель не одобрен для учётной записи {name}",
                name=plan.account,
            ),
        )
    return account


def _content(
    conn: psycopg.Connection, plan: BroadcastPlan, account: Account, rules: DraftRules
) -> tuple[Content, int | None]:
    if plan.text is not None:
        return own_text(plan.text, max_parts=account.max_parts, alphabet=rules.alphabet), None
    name = plan.template or ""
    versions = list_versions(conn, name)
    return template_text(versions, name, max_parts=account.max_parts, alphabet=rules.alphabet)
