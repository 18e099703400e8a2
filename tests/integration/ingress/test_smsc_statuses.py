"""`status.php` of SMSC: the places of its values, and what the network told about a number."""

import httpx

from inbound.ingress.credentials import Credentials
from inbound.keys import VaultCipher
from inbound.store.sealing import Sealer
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smsc_world import sent, signed, status
from tests.integration.ingress.world import World

ANSWER = (
    "imsi:250023012345678 msc:79232510066 mcc:250 mnc:02 cn:Russian+Federation "
    "net:MegaFON%2C+Open rcn: rnet:"
)
TOLD = ["250023012345678", "79232510066", "250", "02", "Russian Federation"]
NAMES = ("imsi", "msc", "mcc", "mnc", "cn", "net", "rcn", "rnet")


async def values(http: httpx.AsyncClient, shop: Credentials, **asked: str) -> list[str]:
    """Ask with `fmt=1` and return the values."""
    answer = await http.get("/sys/status.php", params=signed(shop, fmt=1) | asked)
    return answer.text.split(",")


async def test_the_values_stand_where_programs_look_for_them(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes="text", id="m-1")
    stamp = str(int(world.now.timestamp()))
    asked = {"phone": phone, "id": "m-1"}
    head = ["-1", stamp, "0"]
    named = ["0.00", "", "Ожидает отправки"]
    assert await values(http, shop, **asked) == head
    # The last one is the text, which is not told; of a list the id follows.
    assert await values(http, shop, **asked, all="1") == [*head, stamp, phone, *named, ""]
    found = await values(http, shop, **asked, all="2")
    assert found == [*head, stamp, phone, "", "", "", *named, ""]
    asked["id"] += ","
    assert await values(http, shop, **asked) == [*head, "m-1", phone]
    assert await values(http, shop, **asked, all="1") == [*head, stamp, phone, *named, "", "m-1"]


async def test_what_the_network_told_is_in_the_status(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    phone, other = world.clients(2)
    for one in (phone, other):
        await sent(http, shop, phones=one, mes="text", id="h-1")
    number_hash = world.parts.subject_hasher.hash(f"+{phone}")
    sealer = Sealer(VaultCipher(VAULT_KEY))
    world.rows("UPDATE orders SET state = 'delivered'")
    world.rows(
        "INSERT INTO network_answers SELECT order_id, number_hash, %s FROM orders"
        " JOIN subjects USING (subject_id) WHERE number_hash = %s",
        sealer.network_answer(ANSWER.encode(), number_hash),
        number_hash,
    )
    asked = {"phone": phone, "id": "h-1"}
    found = await status(http, shop, **asked)
    told = [*TOLD, "MegaFON, Open", "", ""]
    assert [found[name] for name in NAMES] == told
    assert (await values(http, shop, **asked))[3:8] == TOLD
    # Programs look for HLR among the details: after the text's country if that is asked for.
    line = await values(http, shop, **asked, all="1")
    found = await status(http, shop, **asked, all="1")
    assert (line[8], line[14], found["sender_id"]) == ("MegaFON  Open", "HLR", "HLR")
    assert (await values(http, shop, **asked, all="2"))[17] == "HLR"
    both = await status(http, shop, phone=f"{phone},{other}", id="h-1")
    assert [one.get("imsi") for one in both] == [TOLD[0], None]


async def test_a_question_about_more_than_a_thousand_messages_is_refused(
    shop: Credentials, http: httpx.AsyncClient
) -> None:
    phones = [f"7903{n:07d}" for n in range(1001)]
    for many, told in ((phones[1:], "-3"), (phones, "ERROR = 1")):
        asked = signed(shop, phone=",".join(many), id="m-1", fmt=0 if told[0] == "E" else 1)
        answer = await http.post("/sys/status.php", data=asked)
        assert answer.text.startswith(told)
