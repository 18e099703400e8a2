"""Broadcasts on the whole service: from a table to phones, with stops, pauses and kills.

`make test-long` sends to more people, and kills more processes meanwhile.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings

from tests.e2e import poison
from tests.e2e.script import Submit
from tests.e2e.test_orders import STOP
from tests.fix_service import Role, Service, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "{name}, офис закрыт 9 мая."
IS_LONG = settings.get_current_profile_name() == "long"
KILLS = 10 if IS_LONG else 3
"""Of each role."""

KILLED_AT = 1000 if IS_LONG else 400
"""Recipients of the broadcast during which roles are killed."""

RACES = 1000 if IS_LONG else 300

CLAIMS_OF_SENT = """
    SELECT number_hash, claimed_at
    FROM events sent
    JOIN mt_claims claim ON claim.message_id = (sent.data->>'message_id')::uuid
        AND claim.attempt = (sent.data->>'attempt')::integer
    JOIN subjects ON subjects.subject_id = sent.stream_id
    WHERE sent.type = 'message.submitted' AND sent.data->>'order_id' IS NOT NULL
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def scheduler(service: Service) -> AsyncIterator[None]:
    await service.start("scheduler")
    service.revive()
    yield


async def run(service: Service, *words: str) -> Any:
    ran = await service.command("broadcast", *words, "--json")
    assert ran.status == 0, ran.err
    return json.loads(ran.out)


async def show(service: Service, id_: str) -> dict[str, Any]:
    shown: dict[str, Any] = await run(service, "show", id_)
    return shown


def audience(folder: Path, numbers: list[str]) -> Path:
    path = folder / "audience.csv"
    rows = [f"{number},Клиент {n}" for n, number in enumerate(numbers)]
    path.write_text("\n".join(["msisdn,name", *rows]), "utf-8")
    return path


async def create(service: Service, folder: Path, numbers: list[str], *options: str) -> str:
    path = audience(folder, numbers)
    made = await run(
        service, "create", "--name", "Spring", "--text", TEXT, "--audience", str(path), *options
    )
    return str(made["id"])


async def ends(service: Service, id_: str, state: str = "done") -> dict[str, Any]:
    def now() -> str:
        return str(service.value("SELECT state FROM broadcasts WHERE broadcast_id = %s", id_))

    await eventually(lambda: now() == state, lambda: f"the broadcast is {now()}, not {state}")
    return await show(service, id_)


def new_clients(service: Service, count: int) -> list[str]:
    numbers = service.new_numbers(count)
    service.import_clients_of(numbers)
    return numbers


async def test_a_table_becomes_messages(service: Service, tmp_path: Path) -> None:
    numbers = new_clients(service, 100)
    await service.text(numbers[7], "CLIENT sms stop")
    await service.completed(numbers[7])
    id_ = await create(service, tmp_path, [*numbers, numbers[0], "123"])
    draft = await show(service, id_)
    assert (draft["state"], draft["recipients"], draft["waiting"]) == ("draft", 99, 99)
    assert draft["excluded_by_reason"] == {"opted_out": 1, "repeated": 1, "number": 1}
    assert not service.script.texts_to(numbers[0])
    await run(service, "start", id_)
    done = await ends(service, id_)
    assert (done["sent"] + done["delivered"], done["waiting"]) == (99, 0)
    for n, number in enumerate(numbers):
        wanted = [] if n == 7 else [f"Клиент {n}, офис закрыт 9 мая."]
        assert service.script.texts_to(number)[-1:] == wanted or n == 7
    assert TEXT[8:] not in "".join(service.script.texts_to(numbers[7]))


async def test_a_template_is_sent_in_the_language_of_each_client(
    service: Service, tmp_path: Path
) -> None:
    russian, english = new_clients(service, 2)
    number_hash = service.hasher.hash(english)
    service.execute("UPDATE clients SET language = 'en' WHERE number_hash = %s", number_hash)
    template = tmp_path / "visit.toml"
    template.write_text(
        '[texts]\nru = "Визит {day}."\nen = "Visit on {day}."\n[fields]\nday = {type = "date"}\n',
        "utf-8",
    )
    ran = await service.command("templates", "create", "visit", "--file", str(template))
    assert ran.status == 0, ran.err
    table = tmp_path / "visits.csv"
    table.write_text(f"msisdn,day\n{russian},2026-05-17\n{english},2026-05-18\n", "utf-8")
    made = await run(
        *(service, "create", "--name", "Visits", "--template", "visit"),
        *("--audience", str(table)),
    )
    await run(service, "start", made["id"])
    await ends(service, made["id"])
    assert service.script.texts_to(russian) == ["Визит 17.05.2026."]
    assert service.script.texts_to(english) == ["Visit on 18 May 2026."]


async def test_pause_resume_and_a_stop_in_between(service: Service, tmp_path: Path) -> None:
    # So slowly that the most of them wait however long it takes to pause.
    numbers = new_clients(service, 240)
    id_ = await create(service, tmp_path, numbers, "--rate", "20")
    await run(service, "start", id_)
    await eventually(lambda: service.script.texts_to(numbers[5]) != [], lambda: "nothing came")
    await run(service, "pause", id_)
    poison.put(
        service,
        service.names.mo,
        [poison.text(numbers[-1], payload=STOP)],
        number=numbers[-1],
    )
    await eventually(lambda: service.accepted(numbers[-1]) == ["sms_stop"], lambda: "no request")
    paused = await show(service, id_)
    assert paused["state"] == "paused"
    assert paused["waiting"] > 0
    await run(service, "resume", id_)
    done = await ends(service, id_)
    assert (done["sent"] + done["delivered"], done["refused"] + done["withheld"]) == (239, 1)
    texts = [service.script.texts_to(number) for number in numbers[:-1]]
    assert [len(one) for one in texts] == [1] * 239


async def test_cancel_ends_it(service: Service, tmp_path: Path) -> None:
    # So slowly that most of them wait however long it takes to cancel.
    numbers = new_clients(service, 200)
    id_ = await create(service, tmp_path, numbers, "--rate", "2")
    await run(service, "start", id_)
    await eventually(lambda: service.script.texts_to(numbers[1]) != [], lambda: "nothing came")
    await run(service, "cancel", id_)

    def ended() -> bool:
        query = "SELECT ended_at IS NOT NULL FROM broadcasts WHERE broadcast_id = %s"
        return bool(service.value(query, id_))

    await eventually(ended, lambda: "the broadcast has not ended")
    shown = await show(service, id_)
    assert (shown["state"], shown["waiting"]) == ("cancelled", 0)
    assert shown["withheld"] > 0
    assert shown["withheld"] + shown["sent"] + shown["delivered"] == len(numbers)
    reached = sum(bool(service.script.texts_to(number)) for number in numbers)
    assert reached == shown["sent"] + shown["delivered"]


@pytest.mark.drill
async def test_everybody_gets_one_message_whichever_role_is_killed(
    service: Service, tmp_path: Path
) -> None:
    """Each recipient gets exactly one message, or its outcome is unknown and it is not resent.

    Each role is killed several times, at moments that chance has chosen: when so many messages have
    been claimed. How many have arrived would never get there if the kills left many unknown.
    """
    numbers = new_clients(service, KILLED_AT)
    victims: list[Role] = ["scheduler", "relay", "gateway", "worker"] * KILLS
    chance = Random(KILLS)
    chance.shuffle(victims)
    moments = sorted(chance.sample(range(10, 7 * KILLED_AT // 10), len(victims)))

    def claimed() -> int:
        return int(service.value("SELECT count(DISTINCT message_id) FROM mt_claims"))

    before = claimed()

    id_ = await create(service, tmp_path, numbers, "--rate", "80")
    await run(service, "start", id_)
    for moment, role in zip(moments, victims, strict=True):
        await eventually(
            lambda: claimed() - before >= moment,  # noqa: B023
            lambda: f"{claimed() - before} of {moment} claims",  # noqa: B023
        )
        (await service.alive(role)).kill()
    done = await ends(service, id_)
    assert done["waiting"] == 0
    assert done["sent"] + done["delivered"] + done["unknown"] == len(numbers)
    texts = [service.script.texts_to(number) for number in numbers]
    assert max(map(len, texts)) == 1
    assert sum(map(len, texts)) >= done["sent"] + done["delivered"]


@pytest.mark.drill
async def test_a_thousand_stops_race_a_broadcast(service: Service, tmp_path: Path) -> None:
    """A client who has been told of the `stop` has no message claimed afterwards.

    Each recipient texts `stop` at a moment before their message that chance has chosen.
    """
    numbers = new_clients(service, RACES)
    chance, texting, told = Random(RACES), defaultdict[int, list[str]](list), dict[str, datetime]()
    for n, number in enumerate(numbers):
        texting[chance.randint(0, n)].append(number)
    came = count()

    def watch(submit: Submit) -> None:
        if submit.acknowledges:
            told.setdefault(submit.number, datetime.now(UTC))
        elif TEXT[8:] in submit.text:
            for number in texting.pop(next(came), ()):
                service.deliver(number, "CLIENT sms stop")

    service.script.watch = watch
    id_ = await create(service, tmp_path, numbers, "--rate", "80")
    await run(service, "start", id_)
    done = await ends(service, id_)
    for number in (one for waiting in texting.values() for one in waiting):
        service.deliver(number, "CLIENT sms stop")
    await service.completed(*numbers)
    service.script.watch = lambda _: None
    withheld = done["withheld"] + done["refused"]
    assert done["sent"] + done["delivered"] + withheld == RACES
    assert min(withheld, done["sent"] + done["delivered"]) > 0, "nothing raced"
    by_hash = {service.hasher.hash(number): number for number in numbers}
    for number_hash, claimed_at in service.rows(CLAIMS_OF_SENT):
        texted = by_hash.get(bytes(number_hash))
        assert texted is None or claimed_at <= told[texted]
