"""Routes of the accounts by which programs and people have messages sent."""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.accounts.account_form import MOST_MONEY, FormError, is_version, settings_of
from inbound.desk.accounts.account_pages import (
    PATH,
    AccountNotice,
    is_account,
    missing,
    page,
    refuse,
)
from inbound.desk.navigation import MenuEntry
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.desk.words import Phrase
from inbound.money import grouped
from inbound.orders import account_rules
from inbound.store.orders import account_records as records
from inbound.store.orders.account_records import AccountSettings
from inbound.store.orders.rows import SEND, AccountMissingError

PLACE: Final = MenuEntry(PATH, "Accounts", "wallet", Right.ACCOUNTS)
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

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.ACCOUNTS))]
MayChange = Annotated[Action, Depends(Does(Right.ACCOUNTS_CHANGE))]


@router.get(PATH)
async def account_list(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show all accounts."""
    return await _list(request, desk, AccountNotice())


@router.post(PATH)
async def create(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Create an account that may send notifications."""
    name = action.form["name"].strip()
    if not is_account(name):
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
    notice = AccountNotice(problems={"create": problem}, typed=action.form.fields)
    return await _list(request, desk, notice, 422)


@router.get(f"{PATH}/{{name}}")
async def account(
    request: Request, desk: DeskDep, _: MaySee, name: str, done: str = ""
) -> Response:
    """Show an account."""
    return await page(request, desk, name, AccountNotice(done=_DONE.get(done, "")))


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
        notice = AccountNotice(problems={**about, **error.problems}, typed=form.fields)
        return await page(request, desk, name, notice, 422)
    return see_other(f"{PATH}/{name}?done={'changed' if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/balance")
async def change_balance(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Add to the balance, or set it; "" with `set` makes it unlimited."""
    typed = action.form["amount"].strip().replace(",", ".")
    amount = account_rules.amount(typed) if typed else None
    adds = action.form.choice("how", ("add", "set")) == "add"
    if amount is None and (typed or adds):
        problem = Phrase(
            "Use an amount like 2.50, below {most} and with up to four decimals.",
            {"most": MOST_MONEY},
        )
        return await refuse(request, desk, name, action, "balance", problem)

    def apply(before: AccountSettings) -> AccountSettings:
        return replace(before, balance=_sum(before.balance, amount) if adds else amount)

    try:
        is_changed = await _change(desk, action, name, apply)
    except FormError as error:
        return await refuse(request, desk, name, action, "balance", error.problems["balance"])
    done = "topped" if adds else "balance"
    return see_other(f"{PATH}/{name}?done={done if is_changed else 'same'}")


async def _list(request: Request, desk: Desk, notice: AccountNotice, status: int = 200) -> Response:
    found = await desk.sources.pool.run(records.list_accounts)
    return desk.pages.answer(
        request, "order_accounts.html", status, accounts=found, grouped=grouped, notice=notice
    )


async def _change(desk: Desk, action: Action, name: str, apply: records.SettingsChange) -> bool:
    actor, now = action.visitor.session.actor, desk.clock()
    try:
        return await desk.sources.pool.run(
            records.change_account, name, apply, actor=actor, now=now
        )
    except AccountMissingError:
        raise missing() from None


def _sum(balance: Decimal | None, amount: Decimal | None) -> Decimal:
    if balance is None:
        raise FormError({"balance": "The balance is unlimited. Set one instead of adding to it."})
    total = balance + (amount or 0)
    if total >= account_rules.MOST_MONEY:
        problem = Phrase(
            "The balance would become too large: it has to stay below {most}.", {"most": MOST_MONEY}
        )
        raise FormError({"balance": problem})
    return total
