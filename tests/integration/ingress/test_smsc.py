"""SMSC over HTTP: what its programs send, and what they get back."""

import json
from decimal import Decimal

import httpx
import pytest

from inbound.ingress.credentials import Credentials, md5_of
from inbound.ingress.smsc import content
from inbound.ingress.smsc.channels import FLAGS
from tests.integration.ingress.smsc_world import SENTENCE, TEXT, sent, signed, status
from tests.integration.ingress.world import World


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


async def test_every_form_of_success(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    answers = []
    for form in range(4):
        asked = signed(shop, phones=phone, mes=TEXT, fmt=form, cost=3, id=form + 1)
        answers.append((await http.get("/sys/send.php", params=asked)).text)
    assert answers[0] == "OK - 1 SMS, ID - 1, COST - 2.50, BALANCE - 97.50"
    assert answers[1] == "2,1,2.50,95.00"
    assert answers[2] == (
        '<?xml version="1.0" encoding="utf-8"?>\n<result>\n<id>3</id>\n<cnt>1</cnt>\n'
        "<cost>2.50</cost>\n<balance>92.50</balance>\n</result>"
    )
    assert json.loads(answers[3]) == {"id": 4, "cnt": 1, "cost": "2.50", "balance": "90.00"}
    assert world.orders("shop") == [("queued", None, 1, None)] * 4
    assert world.texts("shop") == {TEXT}


@pytest.mark.parametrize("cost", ["1", "2"])
async def test_the_cost_is_told_with_or_without_sending(
    world: World, shop: Credentials, http: httpx.AsyncClient, cost: str
) -> None:
    phones = ",".join(world.clients(2))
    answer = await sent(http, shop, phones=phones, mes="a" * 161, cost=cost)
    assert (answer["cnt"], answer["cost"]) == (4, "10.00")
    assert ("id" in answer, len(world.orders("shop"))) == ((False, 0) if cost == "1" else (True, 2))


async def test_a_form_in_the_body_and_the_md5_of_the_password(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    asked = signed(shop, psw=md5_of(shop.password), phones=phone, mes=TEXT)
    answer = await http.post("/sys/send.php", data=asked)
    assert answer.text.startswith("OK - 1 SMS, ID - ")
    assert world.texts("shop") == {TEXT}


@pytest.mark.parametrize("charset", ["", "utf-8", "windows-1251"])
async def test_a_multipart_form(
    world: World, shop: Credentials, http: httpx.AsyncClient, charset: str
) -> None:
    (phone,) = world.clients(1)
    fields = {"login": "shop", "psw": shop.password, "phones": phone, "mes": TEXT, "fmt": "3"}
    fields |= {"charset": charset} if charset else {}
    encoded = {name: value.encode(charset or "windows-1251") for name, value in fields.items()}
    answer = await http.post("/sys/send.php", files={n: (None, v) for n, v in encoded.items()})
    assert answer.json()["cnt"] == 1
    assert world.texts("shop") == {TEXT}
    file = {"mes": ("text.txt", b"text"), **{n: (None, v) for n, v in encoded.items()}}
    for wrong in ({"mes": ("text.txt", b"text")}, file):
        answer = await http.post("/sys/send.php?fmt=1", files=wrong)
        assert answer.text == "0,-1"
    whole = http.build_request("POST", "/sys/send.php?fmt=1", files={"mes": (None, b"x")})
    octets = whole.read()
    (part,) = [one + b"\r\n" for one in octets.split(b"\r\n--")[:1]]
    for body in (octets[:-8], octets.replace(b'name="mes"', b""), part + octets, b"\0"):
        answer = await http.post(
            "/sys/send.php?fmt=1",
            content=body,
            headers={"Content-Type": whole.headers["content-type"]},
        )
        assert (answer.status_code, answer.text) == (200, "0,-1"), body
    assert len(world.orders("shop")) == 1


async def test_character_sets(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    head = f"login={shop.login}&psw={shop.password}&phones={phone}".encode()
    texts = {"по умолчанию": "windows-1251", "юникод": "utf-8", "кои": "koi8-r", "сам": "utf-8"}
    for text, charset in texts.items():
        named = b"" if text in {"по умолчанию", "сам"} else b"&charset=" + charset.encode()
        quoted = "".join(f"%{octet:02X}" for octet in text.encode(charset))
        query = head + named + b"&mes=" + quoted.encode()
        answer = await http.get("/sys/send.php?" + query.decode())
        assert answer.text.startswith("OK"), answer.text
    assert world.texts("shop") == set(texts)
    wrong = await http.get("/sys/send.php?" + head.decode() + "&charset=utf-8&mes=%FF")
    assert wrong.text == "ERROR = 1 (parameters error)"


async def test_an_id_of_the_program_is_no_number_of_the_service(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    first = (await sent(http, shop, phones=phone, mes="first"))["id"]
    # The next numbers of the service, before and after it gives them out.
    for own in (first, first + 1):
        assert (await sent(http, shop, phones=phone, mes=f"own {own}", id=own))["id"] == own
    assert (await sent(http, shop, phones=phone, mes="second"))["id"] == first + 1
    assert (await sent(http, shop, phones=phone, mes="third"))["id"] == first + 2
    assert world.texts("shop") == {
        *("first", "second", "third", f"own {first}", f"own {first + 1}"),
    }
    world.rows("UPDATE orders SET state = 'delivered' WHERE parts = 1")
    assert (await sent(http, shop, phones=phone, mes="a" * 161, id=first + 2))["cnt"] == 2
    found = [(await status(http, shop, phone=phone, id=first + n))["status"] for n in range(3)]
    assert found == [1, 1, -1]


async def test_texts_are_transliterated_and_cut(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes="Щука и Ёж, 5 €", translit=1)
    answer = await sent(http, shop, phones=phone, mes="я" * 300, maxsms=2)
    assert answer["cnt"] == 2
    assert world.texts("shop") == {"Schuka i Yozh, 5 €", "я" * 134}


async def test_a_list_that_is_far_too_long_is_not_read(
    shop: Credentials, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(content, "written", read.append)
    phones = ",".join(f"{n}" for n in range(100_000))
    for path, asked in (
        ("send.php", {"phones": phones, "mes": TEXT}),
        ("status.php", {"phone": phones, "id": "1"}),
    ):
        answer = await http.post(f"/sys/{path}", data=signed(shop, **asked))
        assert answer.text == SENTENCE
    assert not read


async def test_a_text_is_cut_only_if_it_is_not_far_too_long(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    asked = {"phones": phone, "maxsms": "1"}
    answer = await http.post("/sys/send.php", data=signed(shop, mes="a" * 20_000, **asked))
    assert answer.text.startswith("OK")
    answer = await http.post("/sys/send.php", data=signed(shop, mes="a" * 20_001, **asked))
    assert answer.text == SENTENCE


async def test_flags_that_are_off_change_nothing(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    off = dict.fromkeys((*FLAGS, "translit", "maxsms"), "0")
    assert (await sent(http, shop, phones=phone, mes=TEXT, **off))["cnt"] == 1
    assert world.texts("shop") == {TEXT}


async def test_json_requests(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    asked = {"apikey": shop.key, "phones": phone, "mes": TEXT, "cost": 2}
    answer = (await http.post("/rest/send/", json=asked)).json()
    assert (answer["cnt"], answer["cost"]) == (1, "2.50")
    about = {"login": shop.login, "psw": shop.password, "phone": phone, "id": answer["id"]}
    assert (await http.post("/rest/status/", json=about)).json()["status"] == -1
    for body in (b"", b"[]", b"{", b'{"login": {}}', b'{"login": "a", "login": "b"}', b"[" * 9999):
        wrong = await http.post("/rest/send/", content=body)
        assert wrong.json() == {"error": "parameters error", "error_code": 1}


async def test_whole_numbers_lists_and_flags_are_read_in_json(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    phones = [int(phone) for phone in world.clients(2)]
    asked = {"apikey": shop.key, "phones": phones, "mes": TEXT, "id": 7, "flash": False}
    answer = (await http.post("/rest/send/", json=asked)).json()
    assert (answer["id"], answer["cnt"]) == (7, 2)
    asked = {"apikey": shop.key, "phone": phones[0], "id": 7, "all": True}
    assert (await http.post("/rest/status/", json=asked)).json()["phone"] == str(phones[0])
    asked = {"apikey": shop.key, "cur": True}
    assert "currency" in (await http.post("/rest/balance/", json=asked)).json()
