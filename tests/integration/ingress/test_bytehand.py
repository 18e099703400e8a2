"""BYTEHAND: what its programs send, and what they get back."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from inbound.ingress import phones
from inbound.ingress.bytehand.codes import ErrorCode
from inbound.ingress.bytehand.signatures import MOST
from inbound.ingress.credentials import Credentials
from inbound.ingress.failures import OF_ADDRESS
from inbound.store.access.approval_rules import needs_second_person
from inbound.store.connections import connect
from inbound.store.orders.account_senders import approve_sender
from tests.integration.ingress.world import World

TEXT = "Заявка 4711 выполнена"
V2 = "/v2/sms/messages"


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


def signed(shop: Credentials, **fields: Any) -> dict[str, Any]:
    return {"id": shop.id, "key": shop.key} | fields


async def get(http: httpx.AsyncClient, path: str, shop: Credentials, **fields: Any) -> Any:
    answer = await http.get(path, params=signed(shop, **fields))
    assert answer.status_code == 200
    return answer.json()


def key_of(shop: Credentials) -> dict[str, str]:
    return {"X-Service-Key": shop.key}


@pytest.mark.parametrize("prefix", ["", "/v1"])
async def test_a_message_and_what_becomes_of_it(
    world: World, shop: Credentials, http: httpx.AsyncClient, prefix: str
) -> None:
    (phone,) = world.clients(1)
    asked = {"to": phone, "from": "SCSERV", "text": TEXT, "partner": "callme"}
    sent = await get(http, f"{prefix}/send", shop, **asked)
    assert (sent["status"], sent["description"].isdigit()) == (0, True)
    message = {"message": sent["description"]}
    assert await get(http, f"{prefix}/details", shop, **message) == {
        "status": 0,
        "description": "NEW",
        "posted_at": "2026-03-02 12:00:00",
        "updated_at": "2026-03-02 12:00:00",
        "parts": 1,
        "cost": 2.5,
    }
    world.rows("UPDATE orders SET state = 'delivered'")
    state = await get(http, f"{prefix}/status", shop, **message)
    assert state == {"status": 0, "description": "DELIVERED"}
    for receipt, name in (("expired", "EXPIRED"), ("skipped", "UNDELIVERABLE")):
        world.rows("UPDATE orders SET state = 'undelivered', receipt = %s", receipt)
        state = await get(http, f"{prefix}/status", shop, **message)
        assert state == {"status": 0, "description": name}
    world.rows("UPDATE orders SET state = 'delivered'")
    balance = await get(http, f"{prefix}/balance", shop)
    assert balance == {"status": 0, "description": "97.50"}
    assert world.texts("shop") == {TEXT}
    # Its programs post, too, with the parameters in the query and nothing in the body.
    posted = await http.post(
        f"{prefix}/details",
        params=signed(shop, **message),
        headers={"Content-Type": "application/json;charset=UTF-8"},
    )
    assert posted.json()["description"] == "DELIVERED"


async def test_a_list_has_an_answer_for_each_message(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    first, second = world.clients(2)
    messages = [
        {"to": first, "from": "SCSERV", "text": TEXT},
        {"to": second, "from": "Magazin", "text": TEXT},
        {"to": second, "text": ["no text"]},
        "no message",
        {"to": "12", "from": "SCSERV", "text": TEXT},
        {"to": second, "from": "SCSERV", "text": "Другой"},
    ]
    answer = await http.post("/send_multi", params=signed(shop), json=messages)
    assert [one["status"] for one in answer.json()] == [0, 10, 6, 6, 11, 0]
    assert answer.json()[1]["description"] == "Invalid message sender"
    assert world.texts("shop") == {TEXT, "Другой"}
    for body in (b"", b"{}", b"[]", b"[" * 5000, b'[{"to":"1","to":"2"}]'):
        wrong = await http.post("/v1/send_multi", params=signed(shop), content=body)
        assert wrong.json() == [{"status": 6, "description": "Invalid parameters"}]
    stranger = await http.post("/send_multi", params={"id": 1, "key": "x"}, json=messages)
    assert stranger.json() == [{"status": 2, "description": "Authorization failed"}]


@pytest.mark.parametrize("path", ["/send_multi", "/v1/send_multi"])
async def test_a_list_has_up_to_a_thousand_messages_and_a_longer_one_none_is_sent_of(
    world: World, shop: Credentials, http: httpx.AsyncClient, path: str
) -> None:
    (phone,) = world.clients(1)
    messages: list[object] = [{"to": phone, "from": "SCSERV", "text": TEXT}, *["none"] * 1000]
    longer = await http.post(path, params=signed(shop), json=messages)
    assert longer.json() == [{"status": 6, "description": "Invalid parameters"}]
    assert not world.orders("shop")
    answer = await http.post(path, params=signed(shop), json=messages[:1000])
    assert [one["status"] for one in answer.json()] == [0, *[6] * 999]
    assert len(world.orders("shop")) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"key": "0" * 32}, ErrorCode.AUTHORISATION),
        ({"id": "one"}, ErrorCode.AUTHORISATION),
        ({"to": ""}, ErrorCode.RECEIVER),
        ({"to": "+74951234567"}, ErrorCode.RECEIVER),
        ({"to": "79160000000"}, ErrorCode.RECEIVER),
        ({"from": "Магазин"}, ErrorCode.SENDER),
        ({"text": ""}, ErrorCode.PARAMETERS),
        ({"text": "a\0b"}, ErrorCode.PARAMETERS),
        ({"text": "я" * 537}, ErrorCode.TEXT),
        ({"send_after": "soon"}, ErrorCode.PARAMETERS),
        ({"send_after": "2999-01-01"}, ErrorCode.PARAMETERS),
    ],
)
async def test_what_is_wrong_has_its_number(
    world: World, shop: Credentials, http: httpx.AsyncClient, changed: dict[str, str], code: int
) -> None:
    (phone,) = world.clients(1)
    asked = {"to": phone, "from": "SCSERV", "text": TEXT} | changed
    assert (await get(http, "/send", shop, **asked))["status"] == code
    assert not [row for row in world.orders("shop") if row[0] != "refused"]


async def test_messages_of_others_are_not_found(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    sent = await get(http, "/send", shop, to=phone, text=TEXT)
    other = world.account("other")
    found = await get(http, "/details", other, message=sent["description"])
    assert found == {"status": 7, "description": "Not found"}
    assert (await get(http, "/details", shop, message="x"))["status"] == 6


async def test_signatures(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    asked = signed(shop, text="Magazin")
    made = await http.post("/signature", params=asked, data={"description": "contract 12"})
    signature = made.json()["description"]
    (listed,) = await get(http, "/signatures", shop)
    assert (listed["text"], listed["state"], str(listed["id"])) == ("Magazin", "NEW", signature)
    with connect(world.url, "tests") as conn:
        # A program that asks is no second person, who would have to approve from now on.
        assert not needs_second_person(conn, "tests")
        assert approve_sender(conn, "shop", "Magazin", actor="tests")
    assert len(await get(http, "/signatures", shop, state="ACCEPTED")) == 1
    assert await get(http, "/signatures", shop, state="NEW") == []
    (phone,) = world.clients(1)
    assert (await get(http, "/send", shop, to=phone, text=TEXT, **{"from": "Magazin"}))[
        "status"
    ] == 0
    gone = await http.delete("/signature", params=signed(shop, signature=signature))
    assert gone.json()["status"] == 0
    again = await http.delete("/signature", params=signed(shop, signature=signature))
    assert again.json()["status"] == ErrorCode.NOT_FOUND
    query = "SELECT actor, reason FROM audit WHERE action = 'accounts.senders.add'"
    assert world.rows(query) == [("account shop", "shop: Magazin")]


@pytest.mark.parametrize(
    "text", ["", " ", "???", "12345", "Магазин", " Shop", "Shop ", "twelve chars", "a\nb", "a\0b"]
)
async def test_a_signature_is_a_name_of_latin_letters(
    shop: Credentials, http: httpx.AsyncClient, text: str
) -> None:
    refused = await http.post("/signature", params=signed(shop, text=text))
    assert refused.json() == {"status": 10, "description": "Invalid message sender"}
    assert await get(http, "/signatures", shop) == []


async def test_there_are_three_states_of_signatures(
    shop: Credentials, http: httpx.AsyncClient
) -> None:
    assert await get(http, "/signatures", shop, state="REJECTED") == []
    for state in ("new", "APPROVED", "*"):
        assert (await get(http, "/signatures", shop, state=state))["status"] == 6


async def test_a_banned_address_is_told_so(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    for _ in range(OF_ADDRESS):
        assert (await get(http, "/balance", shop, key="0" * 32))["status"] == 2
    blocked = {"status": 12, "description": "Address is blocked"}
    assert await get(http, "/balance", shop) == blocked
    assert (await http.post("/send_multi", params=signed(shop), json=[{}])).json() == [blocked]
    answer = await http.get(V2, headers=key_of(shop))
    assert (answer.status_code, answer.json()["code"]) == (403, 12)
    assert (await get(world.client("192.0.2.2"), "/balance", shop))["status"] == 0


async def test_a_disabled_account_is_told_so(world: World, http: httpx.AsyncClient) -> None:
    shop = world.account(enabled=False)
    (phone,) = world.clients(1)
    disabled = {"status": 2, "description": "Account is disabled"}
    assert await get(http, "/send", shop, to=phone, text=TEXT) == disabled
    answer = await http.post(V2, headers=key_of(shop), json={"receiver": phone, "text": TEXT})
    assert (answer.status_code, answer.json()["message"]) == (401, "Account is disabled")


async def test_a_program_can_not_fill_the_table_of_signatures(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    for n in range(MOST):
        world.rows("INSERT INTO account_senders (account, sender) VALUES ('shop', %s)", f"S{n}")
    more = await http.post("/signature", params=signed(shop, text="More"))
    assert more.json() == {
        "status": ErrorCode.LIMIT,
        "description": "An account has 100 signatures at most; delete one first",
    }
    wrong = await http.post("/signature", params=signed(shop, text="Магазин"))
    assert wrong.json()["status"] == ErrorCode.SENDER


async def test_version_2_sends_and_lists(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    first, second = world.clients(2)
    one = {"sender": "SCSERV", "receiver": f"+{first}", "text": TEXT}
    sent = (await http.post(V2, headers=key_of(shop), json=one)).json()
    assert (sent["result"], sent["count"]) == ("created", 1)
    world.now += timedelta(seconds=1)
    many = [one | {"text": "Ещё"}, one | {"receiver": second}, one | {"receiver": "12"}]
    later = world.now + timedelta(hours=1)
    many[1]["send_after"] = later.isoformat()
    answer = (await http.post(V2, headers=key_of(shop), json=many)).json()
    assert (answer["count"], answer["id"] in answer["ids"]) == (2, True)
    assert answer["errors"] == [{"index": 2, "code": 11, "message": "Invalid message receiver"}]
    [(due_at,)] = world.rows("SELECT due_at FROM orders WHERE state = 'scheduled'")
    assert due_at == later
    pages = [
        (await http.get(V2, headers=key_of(shop), params={"page": page, "count": 3})).json()
        for page in (1, 2)
    ]
    assert [len(page) for page in pages] == [3, 1]
    assert pages[1][0] == {
        "id": sent["id"],
        "sender": "SCSERV",
        "status": "NEW",
        "parts": 1,
        "cost": 2.5,
        "created_at": "2026-03-02 12:00:00",
        "updated_at": "2026-03-02 12:00:00",
    }
    found = await http.get(f"{V2}/{sent['id']}", headers=key_of(shop))
    assert found.json() == pages[1][0]
    short = await http.get(V2, headers=key_of(shop), params={"fields": "id,status", "count": 1})
    assert [set(row) for row in short.json()] == [{"id", "status"}]


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-02T16:00:00+03:00",
        "2026-03-02T16:00:00 03:00",  # a + that is not URL-encoded
        "2026-03-02 16:00 0300",
        "2026-03-02 13:00",
        "2026-03-02T13:00:00Z",
    ],
)
async def test_a_message_is_sent_after_a_time(
    world: World, shop: Credentials, http: httpx.AsyncClient, written: str
) -> None:
    (phone,) = world.clients(1)
    sent = await get(http, "/send", shop, to=phone, text=TEXT, send_after=written)
    assert sent["status"] == 0
    [(due_at,)] = world.rows("SELECT due_at FROM orders")
    assert due_at == world.now + timedelta(hours=1)


async def test_a_receiver_may_be_a_number_of_json(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    one = {"receiver": int(phone), "to": int(phone), "text": TEXT}
    answer = await http.post(V2, headers=key_of(shop), json=one)
    assert answer.json()["result"] == "created"
    listed = await http.post("/send_multi", params=signed(shop), json=[one, one | {"to": True}])
    assert [each["status"] for each in listed.json()] == [0, ErrorCode.PARAMETERS]


async def test_errors_of_version_2(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    one = {"sender": "SCSERV", "receiver": phone, "text": TEXT}
    wrong = await http.post(V2, headers={"X-Service-Key": "x"}, json=one)
    assert (wrong.status_code, wrong.json()["code"]) == (401, 2)
    for body in (b"", b"[]", b"7", b"{", b"[7]", b'{"receiver": 7}', b"[" * 5000):
        refused = await http.post(V2, headers=key_of(shop), content=body)
        assert (refused.status_code, refused.json()["result"]) == (400, "error"), body
    sender = await http.post(V2, headers=key_of(shop), json=one | {"sender": "Magazin"})
    assert (sender.status_code, sender.json()["code"]) == (400, ErrorCode.SENDER)
    for query in (
        *({"page": 0}, {"count": 101}, {"page": 999}, {"sort": "text"}, {"query": "x"}),
        *({"fields": "text"}, {"fields": "id,receiver"}),
    ):
        assert (await http.get(V2, headers=key_of(shop), params=query)).status_code == 400
    for message_id in (str(uuid4()), "x"):
        missing = await http.get(f"{V2}/{message_id}", headers=key_of(shop))
        assert (missing.status_code, missing.json()["code"]) == (404, ErrorCode.NOT_FOUND)
    assert world.texts("shop") == set()


async def test_a_receiver_that_is_far_too_long_is_not_read(
    shop: Credentials, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(phones, "parse_msisdn", read.append)
    messages = [{"to": "7" * 1_000_000, "from": "SCSERV", "text": TEXT}]
    answer = await http.post("/send_multi", params=signed(shop), json=messages)
    assert answer.json() == [{"status": 6, "description": "Invalid parameters"}]
    assert not read


async def test_a_time_that_is_far_too_long_is_not_read(
    shop: Credentials, world: World, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    one = {"to": phone, "receiver": phone, "text": TEXT, "send_after": "T00:00" * 100_000}
    answer = await http.post("/send_multi", params=signed(shop), json=[one])
    assert answer.json() == [{"status": 6, "description": "Invalid parameters"}]
    refused = await http.post(V2, headers=key_of(shop), json=one)
    assert (refused.status_code, refused.json()["code"]) == (400, ErrorCode.PARAMETERS)
