"""Every reason for which a message is refused, produced in every dialect in which it can occur."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString

import pytest

from inbound.clock import utc_now
from inbound.handlers.orders import most_of_account
from inbound.ingress.bytehand import codes as bytehand
from inbound.ingress.credentials import Credentials
from inbound.ingress.smpp.statuses import status_of
from inbound.ingress.smsc import codes as smsc
from inbound.ingress.smspay import codes as smspay
from inbound.smpp.times import format_absolute
from schemas.orders import Order, RefusalReason
from tests.integration.ingress import smpp_world, test_mail
from tests.integration.ingress.world import World

pytestmark = pytest.mark.usefixtures("settings_of_the_service")

R = RefusalReason
LONG: Final = "Ы" * 71  # two parts, and SMSPAY takes it


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent; `late` may be sent only after it has expired."""

    phone: str
    text: str = "Заявка выполнена"
    sender: str = ""
    own_id: str = ""
    late: bool = False


Prepare = Callable[[World, Credentials, str], Awaitable[None]]


async def opt_out(world: World, shop: Credentials, phone: str) -> None:
    del shop
    await world.opt_out(phone)


async def fill(world: World, shop: Credentials, phone: str) -> None:
    orders = [
        Order(account=shop.login, phone=f"+{phone}", text=f"{n}") for n in range(most_of_account(0))
    ]
    assert {one.reason for one in await world.parts.place(orders)} == {None}


@dataclass(frozen=True, slots=True)
class Case:
    """How a reason comes about: the account, what happens before, and how the message differs.

    `before` is a message that is accepted first, as it differs.
    """

    account: dict[str, Any] = field(default_factory=dict)
    prepare: Prepare | None = None
    message: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None


CASES: Final = {
    R.ACCOUNT_DISABLED: Case({"enabled": False}),
    R.RIGHT_MISSING: Case({"rights": ()}),
    R.IDEMPOTENCY_KEY_REUSED: Case(message={"own_id": "7"}, before={"own_id": "7", "text": "Иное"}),
    R.NOT_A_MOBILE_NUMBER: Case(message={"phone": "74951234567"}),
    R.RECIPIENT_NOT_A_CLIENT: Case(message={"phone": "79160000000"}),
    R.OPTED_OUT: Case(prepare=opt_out),
    R.TOO_MANY_WAITING: Case(prepare=fill),
    R.SENDER_NOT_APPROVED: Case(message={"sender": "Magazin"}),
    R.TEXT_NOT_ALLOWED: Case({"patterns": ("Код [0-9]+",)}),
    R.TOO_MANY_PARTS: Case({"max_parts": 1}, message={"text": LONG}),
    R.EXPIRED: Case(message={"late": True}),
    R.REPEATED: Case({"repeat_within_s": 60}, before={}),
    R.MINIMUM_DELAY: Case({"min_delay_s": 30}, before={"text": "Иное"}),
    R.DAILY_LIMIT: Case({"day_limit": 0}),
    R.WEEKLY_LIMIT: Case({"week_limit": 0}),
    R.MONTHLY_LIMIT: Case({"month_limit": 0}),
    R.BALANCE: Case({"price_per_part": Decimal(1), "balance": Decimal(0)}),
}
# A program that has signed in has an account, as accounts are not deleted; dialects name people by
# their numbers; they have texts instead of templates.
IMPOSSIBLE: Final = {
    *(R.ACCOUNT_UNKNOWN, R.RECIPIENT_UNKNOWN, R.TEMPLATE_UNKNOWN, R.TEMPLATE_FIELDS),
}


def test_every_reason_has_a_case() -> None:
    assert CASES.keys() | IMPOSSIBLE == set(RefusalReason)


class Dialect:
    """Sends a message as one of its programs. `without` are reasons that can't occur there."""

    without: frozenset[RefusalReason] = frozenset({R.IDEMPOTENCY_KEY_REUSED})

    async def send_all(
        self, world: World, shop: Credentials, messages: Sequence[Message]
    ) -> list[object]:
        """Send messages one after the other; return what the program is told, 0 for success."""
        return [await self.send(world, shop, one) for one in messages]

    async def send(self, world: World, shop: Credentials, message: Message) -> object:
        raise NotImplementedError

    def expected(self, reason: RefusalReason) -> object:
        raise NotImplementedError


def smsc_fields(shop: Credentials, message: Message) -> dict[str, Any]:
    late = {"time": "18-20", "valid": "1"} if message.late else {}
    fields = {"phones": message.phone, "mes": message.text, "sender": message.sender}
    fields |= {"id": message.own_id, "charset": "utf-8", "fmt": "3"}
    return {"login": shop.login, "psw": shop.password, **fields, **late}


class Smsc(Dialect):
    without = frozenset()
    path = "/sys/send.php"

    async def send(self, world: World, shop: Credentials, message: Message) -> object:
        asked = smsc_fields(shop, message)
        answer = (await self.ask(world, asked)).json()
        return (answer["error_code"], answer["error"]) if "error" in answer else 0

    async def ask(self, world: World, asked: dict[str, Any]) -> Any:
        return await world.client().post(self.path, data=asked)

    def expected(self, reason: RefusalReason) -> object:
        return int(smsc.error_of(reason)), smsc.text_of(reason)


class SmscJson(Smsc):
    path = "/rest/send/"

    async def ask(self, world: World, asked: dict[str, Any]) -> Any:
        return await world.client().post(self.path, json=asked)


class SmscMail(Dialect):
    without = frozenset({R.EXPIRED})  # a mail has no time until which it is valid

    async def send(self, world: World, shop: Credentials, message: Message) -> object:
        line = test_mail.line(
            *(shop, message.phone, message.text),
            id=message.own_id,
            options=f"0,0,{message.sender}",
        )
        async with test_mail.served(world) as port:
            code, said = await test_mail.send(port, test_mail.mail(line))
        return 0 if code == 250 else (code, said.partition(", ID - ")[0])

    def expected(self, reason: RefusalReason) -> object:
        return 550, f"5.7.0 ERROR = {int(smsc.error_of(reason))} ({smsc.text_of(reason)})"


class Bytehand(Dialect):
    without = Dialect.without | {R.EXPIRED}  # nor have its messages

    async def send(self, world: World, shop: Credentials, message: Message) -> object:
        asked = {"to": message.phone, "from": message.sender, "text": message.text}
        return self.told(await self.ask(world, shop, asked))

    async def ask(self, world: World, shop: Credentials, asked: dict[str, str]) -> Any:
        signed = {"id": str(shop.id), "key": shop.key}
        return (await world.client().get("/send", params=signed | asked)).json()

    def told(self, answer: Any) -> object:
        return (answer["status"], answer["description"]) if answer["status"] else 0

    def expected(self, reason: RefusalReason) -> object:
        return int(bytehand.error_of(reason)), bytehand.text_of(reason)


class BytehandList(Bytehand):
    async def ask(self, world: World, shop: Credentials, asked: dict[str, str]) -> Any:
        signed = {"id": str(shop.id), "key": shop.key}
        answer = await world.client().post("/send_multi", params=signed, json=[asked])
        return answer.json()[0]


class Bytehand2(Bytehand):
    async def ask(self, world: World, shop: Credentials, asked: dict[str, str]) -> Any:
        one = {"sender": asked["from"], "receiver": asked["to"], "text": asked["text"]}
        answer = await world.client().post(
            "/v2/sms/messages", headers={"X-Service-Key": shop.key}, json=one
        )
        return answer.json()

    def told(self, answer: Any) -> object:
        return 0 if answer["result"] == "created" else (answer["code"], answer["message"])


class Smspay(Dialect):
    without = Dialect.without | {R.EXPIRED, R.SENDER_NOT_APPROVED}  # nor have they a sender

    async def send(self, world: World, shop: Credentials, message: Message) -> object:
        signed = {"user_id": str(shop.id), "service_id": str(shop.service_id)}
        asked = {"msisdn": message.phone, "text": message.text}
        answer = await world.client().get("/users/send_bulk.php", params=signed | asked)
        return 0 if answer.text == "MSG_OK" else answer.text

    def expected(self, reason: RefusalReason) -> object:
        return smspay.word_of(reason).value


class Smpp(Dialect):
    async def send_all(
        self, world: World, shop: Credentials, messages: Sequence[Message]
    ) -> list[object]:
        account = {"login": shop.login, "password": shop.password}
        async with smpp_world.serving() as (port,):
            # A disabled account binds no more: this one is disabled while its program is bound.
            query: LiteralString = "SELECT enabled FROM accounts WHERE account = %s"
            [(enabled,)] = world.rows(query, shop.login)
            change: LiteralString = "UPDATE accounts SET enabled = %s WHERE account = %s"
            world.rows(change, True, shop.login)
            program = await smpp_world.bind(port, account)
            world.rows(change, enabled, shop.login)
            return [await self.submit(program, one) for one in messages]

    async def submit(self, program: smpp_world.Program, message: Message) -> object:
        late: dict[str, Any] = {}
        if message.late:
            now = utc_now()
            late["schedule_delivery_time"] = format_absolute(now + timedelta(hours=2))
            late["validity_period"] = format_absolute(now + timedelta(hours=1))
        answer = await program.submit(
            message.text.encode("utf-16-be"),
            data_coding=8,
            destination_addr=message.phone,
            source_addr=message.sender,
            **late,
        )
        return int(answer.status)

    def expected(self, reason: RefusalReason) -> object:
        return int(status_of(reason))


DIALECTS: Final = {
    "smsc": Smsc(),
    "smsc json": SmscJson(),
    "smsc mail": SmscMail(),
    "bytehand": Bytehand(),
    "bytehand list": BytehandList(),
    "bytehand 2": Bytehand2(),
    "smspay": Smspay(),
    "smpp": Smpp(),
}


@pytest.mark.parametrize("reason", CASES)
async def test_a_reason_is_told_in_every_dialect(world: World, reason: RefusalReason) -> None:
    case = CASES[reason]
    told, expected = {}, {}
    for name, dialect in DIALECTS.items():
        if reason in dialect.without:
            continue
        shop = world.account(**case.account)
        (phone,) = world.clients(1)
        if case.prepare is not None:
            await case.prepare(world, shop, phone)
        before = len(world.orders(shop.login))
        phones = {"phone": phone}
        befores = [] if case.before is None else [Message(**phones | case.before)]
        message = Message(**phones | case.message)
        *accepted, told[name] = await dialect.send_all(world, shop, [*befores, message])
        expected[name] = dialect.expected(reason)
        # It is this reason, and the message is not sent.
        assert accepted == [0] * len(befores), name
        reasons = [row[1] for row in world.orders(shop.login)]
        assert {*reasons} <= {None, reason.value}, name
        assert reasons.count(None) == before + len(befores), name
    assert told == expected


async def test_an_account_that_fills_a_persons_queue_delays_no_other(world: World) -> None:
    (phone,) = world.clients(1)
    greedy, other = world.account(), world.account()
    await fill(world, greedy, phone)
    assert await DIALECTS["smsc"].send(world, greedy, Message(phone)) != 0
    await fill_as_far_as_possible(world, other, phone)
    late = world.account()
    for name in ("smsc", "bytehand", "smspay", "smpp"):
        (told,) = await DIALECTS[name].send_all(world, late, [Message(phone, f"Заявка {name}")])
        assert told == 0, name
    assert [row[1] for row in world.orders(late.login)] == [None] * 4


async def fill_as_far_as_possible(world: World, shop: Credentials, phone: str) -> None:
    orders = [Order(account=shop.login, phone=f"+{phone}", text=f"{n}") for n in range(100)]
    reasons = [one.reason for one in await world.parts.place(orders)]
    assert reasons.count(None) == most_of_account(most_of_account(0))
