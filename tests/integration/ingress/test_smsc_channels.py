"""SMSC over HTTP: messages by other channels than texts."""

from decimal import Decimal
from typing import LiteralString

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from inbound.keys import VaultCipher
from inbound.store.sealing import Sealer
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smsc_world import TEXT, signed
from tests.integration.ingress.world import World


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


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
