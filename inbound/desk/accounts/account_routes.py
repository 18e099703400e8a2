"""Routes of the accounts by which programs and people have messages sent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import psycopg
from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.accounts.account_form import (
    RIGHT_WORDS,
    FormError,
    fields_of,
    is_version,
    settings_of,
    version_of,
)
from inbound.desk.navigation import Place
from inbound.desk.problems import Trouble
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.money import grouped
from inbound.orders import account_rules
from inbound.store.access.audit import ReasonError, check_reason
from inbound.store.callbacks.callbacks import DeadCallback, ListedUrl, list_dead, list_urls
from inbound.store.connections import raises_store_errors
from inbound.store.orders import account_records as records
from inbound.store.orders.account_records import AccountRecord, AccountSettings
from inbound.store.orders.rows import SEND, Account, usage_keys
from schemas.orders import AccountName, SenderName

PATH: Final = "/accounts"
PLACE: Final = Place(PATH, "Accounts", "wallet", Right.ACCOUNTS)
DEAD_SHOWN: Final = 50
_MONTHS: Final = 12
_DAYS: Final = 14
_DONE: Final = {
    "created": "The account was created. Set its limits before a program uses it.",
    "changed": "The account was changed. It counts from the next order on.",
    "same": "Nothing was changed: it was like that already.",
    "topped": "The amount was added to the balance.",
    "balance": "The balance was set.",
    "asked": "The sender waits for approval.",
    "approved": "The sender was approved. Orders may use it from now on.",
    "removed": "The sender was removed.",
    "url": "The URL was removed, with the calls that waited. Nobody is called any more.",
    "retried": "The calls are made again.",
}
_BAD_REASON: Final = (
    "Give a reason in up to 300 characters, without a phone number: it is kept for ever."
)
_ACCOUNT: Final[TypeAdapter[str]] = TypeAdapter(AccountName)
_SENDER: Final[TypeAdapter[str]] = TypeAdapter(SenderName)
# Names are kept for ever in events and in the audit, so they must not hold a phone number.
_LIKE_A_NUMBER: Final = re.compile("[0-9]{7}")

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.ACCOUNTS))]
MayChange = Annotated[Action, Depends(Does(Right.ACCOUNTS_CHANGE))]
MayApprove = Annotated[Action, Depends(Does(Right.SENDERS))]


@dataclass(frozen=True, slots=True)
class Notice:
    """What an action led to: by form or field what is wrong, and what was typed.

    `secret` is shown in this answer alone.
    """

    done: str = ""
    secret: str = field(default="", repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the page of one account shows."""

    found: AccountRecord
    used: Mapping[str, int]
    months: list[tuple[str, int]]
    days: list[tuple[str, int]]
    url: ListedUrl | None
    dead: list[DeadCallback]


@router.get(PATH)
async def account_list(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show all accounts."""
    return await _list(request, desk, Notice())


@router.post(PATH)
async def create(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Create an account that may send notifications."""
    name = action.form["name"].strip()
    if not _is_account(name):
        problem = (
            "A name has up to 40 small Latin letters, digits, dots and dashes, and is no phone "
            "number."
        )
    else:
        settings = AccountSettings(rights=(SEND,), zone=desk.sources.zone)
        actor = action.visitor.session.actor
        if await desk.sources.pool.run(records.create_account, name, settings, actor=actor):
            return see_other(f"{PATH}/{name}?done=created")
        problem = "Another account has this name. Choose another name, or change that one."
    notice = Notice(problems={"create": problem}, typed=action.form.fields)
    return await _list(request, desk, notice, 422)


@router.get(f"{PATH}/{{name}}")
async def account(
    request: Request, desk: DeskDep, _: MaySee, name: str, done: str = ""
) -> Response:
    """Show an account."""
    return await page(request, desk, name, Notice(done=_DONE.get(done, "")))


@router.post(f"{PATH}/{{name}}")
async def change(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Change rights and limits, unless somebody has changed them since the form was opened."""
    form = action.form

    def apply(before: AccountSettings) -> AccountSettings:
        if not is_version(form["version"], before):
            raise FormError(
                {
                    "settings": "Somebody has changed this account meanwhile. Your values "
                    "are kept: look at them again and save."
                }
            )
        return settings_of(form.fields, before)

    try:
        is_changed = await _change(desk, action, name, apply)
    except FormError as error:
        about = {"settings": "Nothing was saved: see the fields that are marked."}
        notice = Notice(problems={**about, **error.problems}, typed=form.fields)
        return await page(request, desk, name, notice, 422)
    return see_other(f"{PATH}/{name}?done={'changed' if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/balance")
async def change_balance(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Add to the balance, or set it; "" with `set` makes it unlimited."""
    typed = action.form["amount"].strip().replace(",", ".")
    amount = account_rules.amount(typed) if typed else None
    adds = action.form["how"] == "add"
    if amount is None and (typed or adds):
        problem = "Use an amount like 2.50, with up to four decimals."
        return await _refuse(request, desk, name, action, "balance", problem)

    def apply(before: AccountSettings) -> AccountSettings:
        return replace(before, balance=_sum(before.balance, amount) if adds else amount)

    try:
        is_changed = await _change(desk, action, name, apply)
    except FormError as error:
        return await _refuse(request, desk, name, action, "balance", error.problems["balance"])
    done = "topped" if adds else "balance"
    return see_other(f"{PATH}/{name}?done={done if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/senders")
async def ask_for_sender(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Ask for a sender."""
    sender = action.form["sender"].strip()
    if not _is_sender(sender):
        problem = (
            "Phones can't show this sender. Use up to 11 Latin letters, digits and signs, or up to "
            "15 digits."
        )
        return await _refuse(request, desk, name, action, "sender", problem)
    actor = action.visitor.session.actor
    try:
        is_new = await desk.sources.pool.run(records.add_sender, name, sender, actor=actor)
    except records.AccountMissingError:
        raise _missing() from None
    return see_other(f"{PATH}/{name}?done={'asked' if is_new else 'same'}#senders")


@router.post(f"{PATH}/{{name}}/senders/approve")
async def approve_sender(
    request: Request, desk: DeskDep, action: MayApprove, name: str
) -> Response:
    """Approve a sender that somebody else has asked for."""
    try:
        is_new = await desk.sources.pool.run(
            records.approve_sender,
            name,
            action.form["sender"],
            actor=action.visitor.session.actor,
            reason=_reason(action),
        )
    except records.AccountMissingError:
        raise _missing() from None
    except records.SenderMissingError:
        problem = "The sender is not asked for any more."
    except records.SelfApprovalError:
        problem = "You have asked for this sender yourself. Somebody else has to approve it."
    except ReasonError:
        problem = _BAD_REASON
    else:
        return see_other(f"{PATH}/{name}?done={'approved' if is_new else 'same'}#senders")
    return await _refuse(request, desk, name, action, "senders", problem)


@router.post(f"{PATH}/{{name}}/senders/remove")
async def remove_sender(request: Request, desk: DeskDep, action: MayApprove, name: str) -> Response:
    """Take a sender from the account, or turn its request down."""
    try:
        is_gone = await desk.sources.pool.run(
            records.remove_sender,
            name,
            action.form["sender"],
            actor=action.visitor.session.actor,
            reason=_reason(action),
        )
    except ReasonError:
        problem = _BAD_REASON
        return await _refuse(request, desk, name, action, "senders", problem)
    return see_other(f"{PATH}/{name}?done={'removed' if is_gone else 'same'}#senders")


async def page(
    request: Request, desk: Desk, name: str, notice: Notice, status: int = 200
) -> Response:
    """Return the page of an account. Raises Trouble for an unknown one."""
    shown = await desk.sources.pool.run(_read, name, desk.clock()) if _is_account(name) else None
    if shown is None:
        raise _missing()
    settings = shown.found.settings
    is_open = settings.balance is not None and bool(settings.price_per_part)
    left = int((settings.balance or 0) / (settings.price_per_part or 1)) if is_open else None
    typed = notice.typed if "settings" in notice.problems else fields_of(settings)
    return desk.pages.answer(
        request,
        "order_account.html",
        status,
        shown=shown,
        settings=settings,
        fields=typed,
        version=version_of(settings),
        rights=RIGHT_WORDS,
        parts_left=left,
        grouped=grouped,
        dead_shown=DEAD_SHOWN,
        notice=notice,
    )


async def _list(request: Request, desk: Desk, notice: Notice, status: int = 200) -> Response:
    found = await desk.sources.pool.run(records.list_accounts)
    return desk.pages.answer(
        request, "order_accounts.html", status, accounts=found, grouped=grouped, notice=notice
    )


@raises_store_errors
def _read(conn: psycopg.Connection, name: str, now: datetime) -> Shown | None:
    found = records.list_accounts(conn, name)
    if not found:
        return None
    keys = usage_keys(Account(name, zone=found[0].settings.zone), now)
    urls = list_urls(conn, name)
    return Shown(
        found[0],
        records.find_usage_now(conn, keys),
        records.list_periods(conn, name, "m", _MONTHS),
        records.list_periods(conn, name, "d", _DAYS),
        urls[0] if urls else None,
        list_dead(conn, name, DEAD_SHOWN + 1) if urls else [],
    )


async def _change(desk: Desk, action: Action, name: str, apply: records.Change) -> bool:
    actor, now = action.visitor.session.actor, desk.clock()
    try:
        return await desk.sources.pool.run(
            records.change_account, name, apply, actor=actor, now=now
        )
    except records.AccountMissingError:
        raise _missing() from None


async def _refuse(
    request: Request, desk: Desk, name: str, action: Action, form: str, problem: str
) -> Response:
    notice = Notice(problems={form: problem}, typed=action.form.fields)
    return await page(request, desk, name, notice, 422)


def _reason(action: Action) -> str:
    given = action.form["reason"].strip()
    return check_reason(given) if given else ""


def _sum(balance: Decimal | None, amount: Decimal | None) -> Decimal:
    if balance is None:
        raise FormError({"balance": "The balance is unlimited. Set one instead of adding to it."})
    total = balance + (amount or 0)
    if total >= account_rules.MOST_MONEY:
        raise FormError({"balance": "The balance would become too large."})
    return total


def _is_account(name: str) -> bool:
    try:
        return not _LIKE_A_NUMBER.search(_ACCOUNT.validate_python(name))
    except ValidationError:
        return False


def _is_sender(sender: str) -> bool:
    try:
        return bool(_SENDER.validate_python(sender))
    except ValidationError:
        return False


def _missing() -> Trouble:
    return Trouble(404, "There is no such account.", "Choose one from the page of accounts.")
