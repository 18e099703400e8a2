"""SMSC over HTTP: what its programs send, and what they get back."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, LiteralString

import httpx
import pytest

from inbound.ingress.credentials import Credentials, md5_of
from inbound.ingress.failures import OF_ADDRESS
from inbound.ingress.smsc import content
from inbound.ingress.smsc.channels import FLAGS
from inbound.ingress.smsc.codes import ErrorCode
from inbound.keys import VaultCipher
from inbound.store.sealing import Sealer
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.world import World

TEXT = "Заявка 4711 выполнена"
SENTENCE = "ERROR = 1 (parameters error)"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


def signed(shop: Credentials, **fields: Any) -> dict[str, Any]:
    return {"login": shop.login, "psw": shop.password, "charset": "utf-8"} | fields


async def sent(http: httpx.AsyncClient, shop: Credentials, **fields: Any) -> dict[str, Any]:
    """Send with `fmt=3` and return the answer."""
    asked = signed(shop, fmt=3) | fields
    answer = await http.get("/sys/send.php", params=asked)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def status(http: httpx.AsyncClient, shop: Credentials, **fields: Any) -> Any:
    answer = await http.get("/sys/status.php", params=signed(shop, fmt=3) | fields)
    return answer.json()


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


async def test_every_form_of_an_error(shop: Credentials, http: httpx.AsyncClient) -> None:
    asked = {"login": shop.login, "psw": "wrong", "phones": "79161234567", "mes": TEXT}
    texts = [
        (await http.get("/sys/send.php", params=asked | {"fmt": form})).text for form in range(4)
    ]
    assert texts[0] == "ERROR = 2 (authorise error)"
    assert texts[1] == "0,-2"
    assert "<error>authorise error</error>\n<error_code>2</error_code>" in texts[2]
    assert json.loads(texts[3]) == {"error": "authorise error", "error_code": 2}


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


async def test_a_list_has_one_id_and_each_phone_its_status(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    first, second = world.clients(2)
    phones = f"+{first};8{second[1:]},79160000000,{first}"
    answer = await sent(http, shop, phones=phones, mes=TEXT)
    assert answer["cnt"] == 2  # the third is no client, and the last is the first again
    asked = {"phone": f"{first},{second},79160000000", "id": answer["id"]}
    rows = await status(http, shop, **asked)
    assert [(row["status"], row["err"], row["phone"]) for row in rows] == [
        (-1, 0, first),
        (-1, 0, second),
        (23, 250, "79160000000"),
    ]


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


async def test_states_that_its_programs_know(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    answer = await sent(http, shop, phones=phone, mes=TEXT, id="42")
    asked = {"phone": phone, "id": "42"}
    for state, code in (("sent", 0), ("delivered", 1), ("undelivered", 20), ("expired", 3)):
        world.rows("UPDATE orders SET state = %s, changed_at = %s", state, world.now)
        found = await status(http, shop, **asked)
        assert found["status"] == code
    assert answer["id"] == 42
    stamp = int(world.now.timestamp())
    assert found["last_date"] == "02.03.2026 15:00:00"
    assert found["last_timestamp"] == stamp
    line = await http.get("/sys/status.php", params=signed(shop, fmt=1) | asked)
    assert line.text == f"3,{stamp},246"
    detailed = await status(http, shop, **asked, all=2)
    assert (detailed["cost"], detailed["status_name"]) == ("2.50", "Просрочено")
    sentence = await http.get("/sys/status.php", params=signed(shop) | asked)
    assert sentence.text == "Status = 3, check_time = 02.03.2026 15:00:00, err = 246"


@pytest.mark.parametrize(
    ("receipt", "error", "line"),
    [
        ("undeliverable", None, "20,{},0"),
        ("undeliverable", "00b", "20,{},11"),
        ("expired", None, "3,{},0"),
        ("expired", "027", "3,{},27"),
        ("rejected", None, "20,{},255"),
        ("rejected", "000", "20,{},255"),
        ("deleted", "E-12", "20,{},0"),
    ],
)
async def test_the_state_and_the_code_of_the_sms_centre(
    world: World,
    shop: Credentials,
    http: httpx.AsyncClient,
    receipt: str,
    error: str | None,
    line: str,
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    world.rows(
        "UPDATE orders SET state = 'undelivered', changed_at = %s, receipt = %s, error = %s",
        *(world.now, receipt, error),
    )
    asked = signed(shop, fmt=1) | {"phone": phone, "id": "42"}
    found = await http.get("/sys/status.php", params=asked)
    assert found.text == line.format(int(world.now.timestamp()))


async def test_a_comma_in_a_sender_moves_no_value(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    world.rows("UPDATE orders SET sender = 'Ma,g'")
    asked = signed(shop, phone=phone, id="42", all=1)
    line = (await http.get("/sys/status.php", params=asked | {"fmt": 1})).text
    assert line.split(",")[5:] == ["2.50", "Ma g", "Ожидает отправки", ""]
    assert (await status(http, shop, phone=phone, id="42", all=1))["sender_id"] == "Ma,g"


@pytest.mark.parametrize("value", ["yes", "3", "-1", "2"])
async def test_values_of_look_ups_that_mean_nothing_are_refused(
    shop: Credentials, http: httpx.AsyncClient, value: str
) -> None:
    if value != "2":
        found = await status(http, shop, phone="79161234567", id="42", all=value)
        assert found["error_code"] == ErrorCode.PARAMETERS
    asked = signed(shop, fmt=3, cur=value)
    answer = (await http.get("/sys/balance.php", params=asked)).json()
    assert answer["error_code"] == ErrorCode.PARAMETERS


async def test_messages_of_others_are_not_found(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    found = await status(http, world.account("other"), phone=phone, id="42")
    assert found["status"] == -3


async def test_an_id_of_the_program_makes_repeating_safe(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": TEXT, "id": "0b8e0d1c-5a3e-4a0e-9a25-4f5d3a1f9c11"}
    first = await sent(http, shop, **asked)
    assert await sent(http, shop, **asked) == first
    assert len(world.orders("shop")) == 1
    changed = await sent(http, shop, **asked | {"mes": "другое"})
    assert changed["error_code"] == ErrorCode.REPEATED
    assert changed["error"] == "id belongs to another message"


@pytest.mark.parametrize(
    "times",
    [
        {"time": "+10"},
        {"valid": "2"},
        {"valid": "01:30"},
        {"time": "+10", "valid": "2"},
        {"time": "0203261501", "valid": "2"},  # has passed when the request is repeated
        {"time": "10-18", "valid": "2"},
    ],
)
async def test_a_repeated_request_with_times_from_now_on_is_the_same_message(
    world: World, shop: Credentials, http: httpx.AsyncClient, times: dict[str, str]
) -> None:
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": TEXT, "id": 7} | times
    first = await sent(http, shop, **asked)
    world.now += timedelta(minutes=2)
    assert await sent(http, shop, **asked) == first
    for name in times:
        changed = await sent(http, shop, **asked | {name: {"time": "+11", "valid": "3"}[name]})
        assert changed["error"] == "id belongs to another message", name
    accepted = [state for state, *_ in world.orders("shop") if state != "refused"]
    assert len(accepted) == 1


async def test_times(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    given = {  # it is 15:00 in Moscow
        "0203261630": timedelta(hours=1, minutes=30),
        "02.03.26 16:30": timedelta(hours=1, minutes=30),
        "+45": timedelta(minutes=45),
        f"0{int((world.now + timedelta(hours=2)).timestamp())}": timedelta(hours=2),
        "18-20": timedelta(hours=3),
    }
    for time, later in given.items():
        answer = await sent(
            http, shop, phones=phone, mes=TEXT, time=time, id=f"t{later.seconds}-{len(time)}"
        )
        assert "error" not in answer, time
        [(due_at,)] = world.rows("SELECT due_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert due_at == world.now + later, time
    ahead = await sent(http, shop, phones=phone, mes=TEXT, time="0203261630", tz="1")
    [(due_at,)] = world.rows("SELECT due_at FROM orders ORDER BY ctid DESC LIMIT 1")
    assert due_at == world.now + timedelta(minutes=30), ahead
    for wrong in ("3202261630", "25-26", "yesterday", "0203991630", "+999999999"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, time=wrong)
        assert answer["error_code"] == ErrorCode.TIME, wrong


async def test_how_long_a_message_is_valid(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    for valid, hours in (("2", 2.0), ("01:30", 1.5), ("24:00", 24.0)):
        await sent(http, shop, phones=phone, mes=TEXT, valid=valid)
        [(last_at,)] = world.rows("SELECT last_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert last_at == world.now + timedelta(hours=hours)
    # Parameters of other calls are ignored, whatever they say.
    for unlimited in ({"valid": "0"}, {"valid": ""}, {"all": "3"}):
        await sent(http, shop, phones=phone, mes=TEXT, **unlimited)
        [(as_without,)] = world.rows("SELECT last_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert as_without == world.now + timedelta(days=1)
    for wrong in ("25", "00:00", "soon"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, valid=wrong)
        assert answer["error_code"] == ErrorCode.TIME


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


async def test_senders_need_approval(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    for sender in ("Magazin", "длинный отправитель"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, sender=sender)
        assert answer["error_code"] == ErrorCode.DENIED
    assert (await sent(http, shop, phones=phone, mes=TEXT, sender="SCSERV"))["cnt"] == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"phones": ""}, 1),
        ({"phones": ",".join(["79161234567"] + [f"7916{n:07d}" for n in range(1000)])}, 1),
        ({"phones": "12"}, 7),
        ({"phones": "+74951234567"}, 7),
        ({"phones": "79160000000"}, 8),
        ({"mes": ""}, 1),
        ({"mes": "a\0b"}, 1),
        ({"mes": "a" * 5000}, 1),
        ({"cost": "9"}, 1),
        ({"id": "no/id"}, 1),
        ({"maxsms": "many"}, 1),
        ({"charset": "utf-7"}, 1),
        ({"viber": "1"}, 1),
        ({"hlr": "1"}, 1),
        ({"mail": "2"}, 1),
        ({"mail": "yes"}, 1),
        ({"fmt": "4"}, 1),
        ({"translit": "yes"}, 1),
        ({"translit": "3"}, 1),
        ({"maxsms": "-1"}, 1),
        ({"maxsms": "1.5"}, 1),
        ({"cost": "yes"}, 1),
        ({"tz": "Moscow"}, 5),
        ({"tz": "nan"}, 5),
        ({"tz": "1e1"}, 5),
        ({"tz": "99", "time": "0203261630"}, 5),
        ({"valid": "1:75"}, 5),
        ({"valid": "-1"}, 5),
        ({"valid": "1.5"}, 5),
    ],
)
async def test_what_is_wrong_with_a_message_has_its_number(
    world: World, shop: Credentials, http: httpx.AsyncClient, changed: dict[str, str], code: int
) -> None:
    asked = signed(shop, phones="79161234567", mes=TEXT, fmt=1) | changed
    for estimate in ({}, {"cost": "1"} if "cost" not in changed else {}):
        answer = await http.post("/sys/send.php", data=asked | estimate)
        if estimate and changed == {"phones": "79160000000"}:
            continue  # whether the number is that of a client is not told
        found = answer.text if "fmt" not in changed else "0,-1" * (answer.text == SENTENCE)
        assert found.endswith(f",-{code}"), answer.text
    assert not [row for row in world.orders("shop") if row[0] != "refused"]


async def test_balances(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    forms = [
        (await http.get("/sys/balance.php", params=signed(shop, fmt=form))).text
        for form in range(4)
    ]
    assert forms[:2] == ["100.00", "100.00"]
    assert "<balance>100.00</balance>" in forms[2]
    assert json.loads(forms[3]) == {"balance": "100.00"}
    other = signed(world.account(), fmt=3, cur=1)
    answer = (await http.get("/sys/balance.php", params=other)).json()
    assert answer == {"balance": "1000000.00", "currency": "RUR"}


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


@pytest.mark.parametrize(
    "fields",
    [
        '"mes": false',
        '"mes": 5',
        '"mes": ["a", "b"]',
        '"mes": 1e400',
        '"mes": "a", "id": true',
        '"mes": "a", "id": 1.5',
        '"mes": "a", "phones": [79161234567, true]',
        '"mes": "a", "phones": [[79161234567]]',
        '"mes": "a", "list": "79161234567:b"',
        '"list": [{"phones": "79161234567", "mes": "b"}]',
    ],
)
async def test_values_that_are_not_meant_for_a_field_are_refused_and_nothing_is_sent(
    world: World, shop: Credentials, http: httpx.AsyncClient, fields: str
) -> None:
    (phone,) = world.clients(1)
    phones = "" if '"phones": [' in fields else f'"phones": "{phone}", '
    body = f'{{"apikey": "{shop.key}", {phones}{fields}}}'
    answer = (await http.post("/rest/send/", content=body)).json()
    assert answer["error_code"] == ErrorCode.PARAMETERS
    assert world.orders("shop") == []


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


async def test_a_list_of_texts_is_refused(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    answer = await sent(http, shop, phones=phone, mes=TEXT, list=f"{phone}:other")
    assert answer["error_code"] == ErrorCode.PARAMETERS
    assert world.orders("shop") == []


@pytest.mark.parametrize(
    ("query", "body", "media_type", "expected"),
    [
        ("%ff=1&fmt=1", b"", "", "0,-1"),
        ("&".join(f"a{n}=1" for n in range(101)), b"", "", SENTENCE),
        ("", b"{}", "application/json", SENTENCE),
        ("", b"--x", "multipart/form-data; boundary=x", SENTENCE),
        ("mes=a&mes=b&fmt=1", b"", "", "0,-1"),
        ("fmt=1&fmt=1", b"", "", "0,-1"),
        ("fmt=4", b"", "", SENTENCE),
        ("fmt=json", b"", "", SENTENCE),
        ("mes=a", b"mes=b", FORM, SENTENCE),
        ("mes=a", b"mes=b&fmt=1", FORM, "0,-1"),
        ("", b"%ff=1&fmt=1", FORM, "0,-1"),
    ],
)
async def test_what_can_not_be_read_is_a_parameters_error_in_the_form_that_was_asked_for(
    http: httpx.AsyncClient, query: str, body: bytes, media_type: str, expected: str
) -> None:
    answer = await http.post(
        f"/sys/send.php?{query}", content=body, headers={"content-type": media_type}
    )
    assert (answer.status_code, answer.text) == (200, expected)


async def test_trouble_is_told_in_the_form_that_was_asked_for(http: httpx.AsyncClient) -> None:
    answer = await http.put("/sys/send.php", params={"fmt": 1})
    assert (answer.status_code, answer.text) == (200, "0,-1")


async def test_who_guesses_is_told_that_the_address_is_blocked(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    for _ in range(OF_ADDRESS):
        assert (await sent(http, shop, psw="wrong"))["error_code"] == ErrorCode.AUTHORISE
    assert (await sent(http, shop))["error_code"] == ErrorCode.ADDRESS_BLOCKED
    (phone,) = world.clients(1)
    elsewhere = world.client("192.0.2.2")
    assert (await sent(elsewhere, shop, phones=phone, mes=TEXT))["cnt"] == 1


async def test_reasons_that_depend_on_the_account(world: World, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    for settings, code in (
        ({"enabled": False}, ErrorCode.AUTHORISE),
        ({"rights": ()}, ErrorCode.DENIED),
        ({"day_limit": 0}, ErrorCode.DENIED),
        ({"patterns": ("Код [0-9]+",)}, ErrorCode.DENIED),
        ({"price_per_part": Decimal(1), "balance": Decimal(0)}, ErrorCode.MONEY),
        ({"addresses": ("203.0.113.0/24",)}, ErrorCode.AUTHORISE),
    ):
        answer = await sent(http, world.account(**settings), phones=phone, mes=TEXT)
        assert answer["error_code"] == code, settings


async def test_a_flag_sends_by_a_channel_to_a_number_or_an_address(
    world: World, http: httpx.AsyncClient
) -> None:
    mailer = world.account("mailer", rights=("send", "channels"), price_per_part=Decimal(2))
    first, second, without = world.clients(3)
    world.mail_address(first, "Anna@example.net")
    world.mail_address(second, "boris@example.net")
    asked = signed(
        mailer,
        phones=f"{first},{without},boris@EXAMPLE.net,nobody@example.net",
        mes=TEXT * 20,
        subj="Заказ",
        mail=1,
        fmt=3,
        cost=2,
    )
    answer = (await http.post("/sys/send.php", data=asked)).json()
    assert (answer["cnt"], answer["cost"]) == (2, "4.00")  # a mail is one part
    query: LiteralString = "SELECT state, channel, reason FROM orders WHERE account = %s"
    assert sorted(world.rows(query, "mailer"), key=str) == [
        ("queued", "mail", None),
        ("queued", "mail", None),
        ("refused", "mail", "recipient_unknown"),
    ]
    assert world.texts("mailer") == {f"__MAIL__: {TEXT * 20}\nsubj:Заказ"}
    lanes = world.rows("SELECT topic FROM outbox ORDER BY position DESC LIMIT 2")
    assert lanes == [("sms.mt.channels.v1",)] * 2
    addresses = world.rows("SELECT order_id, address FROM order_contents WHERE address IS NOT NULL")
    sealer = Sealer(VaultCipher(VAULT_KEY))
    opened = {sealer.open_order_address(sealed, order_id) for order_id, sealed in addresses}
    assert opened == {"Anna@example.net", "boris@example.net"}
    status = signed(mailer, phone="boris@EXAMPLE.net", id=answer["id"], fmt=3)
    assert (await http.post("/sys/status.php", data=status)).json()["status"] == -1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"phones": "nobody@example.net"}, 7),
        ({"phones": "anna@example.net,", "mail": ""}, 7),
        ({"subj": "a\r\nBcc: eve@example.net"}, 1),
        ({"mes": ""}, 1),
        ({"hlr": "1"}, 1),
    ],
)
async def test_what_no_channel_can_send_is_refused(
    world: World, http: httpx.AsyncClient, changed: dict[str, str], code: int
) -> None:
    mailer = world.account(rights=("send", "channels"))
    (phone,) = world.clients(1)
    world.mail_address(phone, "anna@example.net")
    asked = signed(mailer, phones="anna@example.net", mes=TEXT, mail=1, fmt=3) | changed
    answer = (await http.post("/sys/send.php", data=asked)).json()
    assert answer["error_code"] == code


async def test_a_channel_needs_a_right_of_the_account(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    world.mail_address(phone, "anna@example.net")
    asked = signed(shop, phones=phone, mes=TEXT, mail=1, fmt=3)
    assert (await http.post("/sys/send.php", data=asked)).json()["error_code"] == 6
