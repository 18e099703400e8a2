"""The page of one account, shared by its routes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg
from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from inbound.desk.access import Desk
from inbound.desk.accounts.account_form import RIGHT_WORDS, fields_of, version_of
from inbound.desk.problems import ErrorPage
from inbound.desk.visitors import Action
from inbound.desk.words import Sayable
from inbound.money import grouped
from inbound.store.callbacks.callbacks import DeadCallback, ListedUrl, list_dead, list_urls
from inbound.store.connections import raises_store_errors
from inbound.store.orders import account_records as records
from inbound.store.orders.account_records import AccountRecord
from schemas.orders import AccountName

PATH: Final = "/accounts"
DEAD_SHOWN: Final = 50
_MONTHS: Final = 12
_DAYS: Final = 14
_ACCOUNT: Final[TypeAdapter[str]] = TypeAdapter(AccountName)
# Names are kept for ever in events and in the audit, so they must not hold a phone number.
_LIKE_A_NUMBER: Final = re.compile("[0-9]{7}")


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """The result of an action: what is wrong, by form or field, and what was typed.

    `secret` is shown in this answer alone.
    """

    done: str = ""
    secret: str = field(default="", repr=False)
    problems: Mapping[str, Sayable] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """Everything that the page of one account shows."""

    found: AccountRecord
    used: Mapping[str, int]
    months: list[tuple[str, int]]
    days: list[tuple[str, int]]
    url: ListedUrl | None
    dead: list[DeadCallback]


async def page(
    request: Request, desk: Desk, name: str, notice: AccountNotice, status: int = 200
) -> Response:
    """Return the page of an account. Raises ErrorPage for an unknown one."""
    shown = await desk.sources.pool.run(_read, name, desk.clock()) if is_account(name) else None
    if shown is None:
        raise missing()
    settings = shown.found.settings
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
        parts_left=settings.parts_left,
        grouped=grouped,
        dead_shown=DEAD_SHOWN,
        notice=notice,
    )


async def refuse(
    request: Request, desk: Desk, name: str, action: Action, form: str, problem: Sayable
) -> Response:
    """Return the page again with what is wrong with one of its forms."""
    notice = AccountNotice(problems={form: problem}, typed=action.form.fields)
    return await page(request, desk, name, notice, 422)


def is_account(name: str) -> bool:
    """Whether an account may have this name."""
    try:
        return not _LIKE_A_NUMBER.search(_ACCOUNT.validate_python(name))
    except ValidationError:
        return False


def missing() -> ErrorPage:
    """Say that there is no such account."""
    return ErrorPage(404, "There is no such account.", "Choose one from the page of accounts.")


@raises_store_errors
def _read(conn: psycopg.Connection, name: str, now: datetime) -> AccountDetails | None:
    found = records.list_accounts(conn, name)
    if not found:
        return None
    urls = list_urls(conn, name)
    return AccountDetails(
        found[0],
        records.usage_of(conn, found[0], now),
        records.list_periods(conn, name, "m", _MONTHS),
        records.list_periods(conn, name, "d", _DAYS),
        urls[0] if urls else None,
        list_dead(conn, name, DEAD_SHOWN + 1) if urls else [],
    )
