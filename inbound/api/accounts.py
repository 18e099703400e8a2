"""The route of the token's account: what it may send, and what is left of balance and limits."""

from datetime import datetime
from decimal import Decimal

import psycopg
from fastapi import APIRouter
from pydantic import Field

from inbound.api.access import BackendDep, MaySend
from inbound.api.json_bodies import JsonRoute
from inbound.api.models import AMOUNT, ResponseModel, example
from inbound.api.problems import ProblemKind, Refusal
from inbound.money import amount_text
from inbound.store.connections import raises_store_errors
from inbound.store.orders.account_records import list_accounts, usage_of

router = APIRouter(tags=["messages"], route_class=JsonRoute)


class AccountUsage(ResponseModel):
    """How many orders were accepted, in periods of the account's `zone`."""

    day: int = Field(description="today")
    week: int = Field(description="since Monday")
    month: int = Field(description="since the first of the month")


class AccountReport(ResponseModel):
    """What an account may send, and what is left of its balance and limits."""

    model_config = example(
        {
            "account": "crm",
            "enabled": True,
            "rights": ["send", "service"],
            "senders": ["SCSERV", "CRM"],
            "balance": "1250.00",
            "price_per_part": "2.50",
            "currency": "RUB",
            "parts_left": 500,
            "rate_per_s": 20,
            "max_parts": 8,
            "min_delay_s": None,
            "repeat_within_s": 60,
            "day_limit": 10000,
            "week_limit": None,
            "month_limit": 200000,
            "used": {"day": 118, "week": 640, "month": 2311},
            "zone": "Europe/Moscow",
            "patterns": [],
        }
    )

    account: str = Field(description="the account that the token sends for")
    enabled: bool = Field(description="false: every message is refused (`account_disabled`)")
    rights: list[str] = Field(
        description="`send`: notifications; `service`: service messages; `broadcasts`: "
        "broadcasts; `strangers`: messages to people who are no clients; `kafka`: orders over "
        "`sms.notify.v1`; `channels`: messages over a `channel`"
    )
    senders: list[str] = Field(
        description="the values that `sender` may have: the service's own, which a message without "
        "`sender` has, and those of the account that were approved"
    )
    balance: str | None = Field(description=f"null: not limited; {AMOUNT}")
    price_per_part: str | None = Field(description=f"of an SMS part; null: none; {AMOUNT}")
    currency: str = Field(description="of `balance` and `price_per_part`")
    parts_left: int | None = Field(
        description="for how many SMS parts the balance is enough; null: nothing is taken from it"
    )
    rate_per_s: int | None = Field(
        description="messages per second; more are accepted and sent later; null: not limited"
    )
    max_parts: int = Field(description="SMS parts that one text may have")
    min_delay_s: int | None = Field(
        description="seconds between two messages to one number; null: none"
    )
    repeat_within_s: int | None = Field(
        description="seconds within which the same text to the same number is refused; null: none"
    )
    day_limit: int | None = Field(description="messages per day of `zone`; null: not limited")
    week_limit: int | None = Field(description="messages per week; null: not limited")
    month_limit: int | None = Field(description="messages per month; null: not limited")
    used: AccountUsage
    zone: str = Field(description="the time zone in which days, weeks and months begin")
    patterns: list[str] = Field(
        description="regular expressions one of which a text has to match; empty: any text"
    )


@router.get(
    "/v1/account",
    operation_id="account",
    summary="What may this token's account send, and what is left?",
    description="Balance, price, limits and what was used of them, rights and approved senders of "
    "the account that the token sends for. A balance may be spent by messages that are being "
    "placed at the same time.",
    response_description="The account.",
)
async def account(backend: BackendDep, who: MaySend) -> AccountReport:
    """Answer with the account of the token."""
    report = await backend.run(
        _read, who.account, backend.broadcasting.rules.sender, backend.clock()
    )
    if report is None:
        raise Refusal(ProblemKind.NOT_FOUND, "the token's account does not exist any more")
    return report


@raises_store_errors
def _read(
    conn: psycopg.Connection, name: str, own_sender: str, now: datetime
) -> AccountReport | None:
    found = next(iter(list_accounts(conn, name)), None)
    if found is None:
        return None
    settings = found.settings
    approved = [one.sender for one in found.senders if one.approved_at is not None]
    return AccountReport(
        account=found.account,
        enabled=settings.enabled,
        rights=list(settings.rights),
        senders=list(dict.fromkeys([own_sender, *approved])),
        balance=_amount(settings.balance),
        price_per_part=_amount(settings.price_per_part),
        currency=settings.currency,
        parts_left=settings.parts_left,
        rate_per_s=settings.rate_per_s,
        max_parts=settings.max_parts,
        min_delay_s=settings.min_delay_s,
        repeat_within_s=settings.repeat_within_s,
        day_limit=settings.day_limit,
        week_limit=settings.week_limit,
        month_limit=settings.month_limit,
        used=AccountUsage(**usage_of(conn, found, now)),
        zone=settings.zone,
        patterns=list(settings.patterns),
    )


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else amount_text(amount)
