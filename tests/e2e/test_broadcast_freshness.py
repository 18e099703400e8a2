"""No answer about a broadcast contradicts what a phone has, whichever process stands still.

Each role is stopped (SIGSTOP) on a real service while a broadcast runs, and every kind of question
is asked on the command line, in both languages, and over HTTP.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from tests.e2e.test_freshness import LANGUAGES, standing_still, started_api
from tests.fix_service import Client, Role, Service
from tests.service.waiting import asked_until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

TEXT: Final = "Офис закрыт"
NOT_COUNTED: Final = ("are not counted yet", "ещё не учтены")
OVERDUE: Final = ("no scheduler has begun it", "планировщик её не начал")
NO_BIND: Final = ("no bind to an SMS centre is up", "нет связи ни с одним СМС-центром")
REACHED: Final = frozenset({"sent", "delivered"})


@dataclass(slots=True)
class Answers:
    """What was answered about one broadcast."""

    printed: list[str]
    """By `show`, in both languages."""
    shown: list[dict[str, Any]]
    """By `show`, `list` and the routes for one broadcast and for all."""
    recipients: dict[str, Any]
    messages: dict[str, Any]
    message: dict[str, Any] | None
    excluded: dict[str, Any]

    @property
    def whole(self) -> list[dict[str, Any]]:
        """The answers that say how current they are."""
        alone = [] if self.message is None else [self.message]
        return [*self.shown, self.recipients, self.messages, *alone]

    def says(self, words: tuple[str, str]) -> bool:
        """Whether both languages say it; they are not asked at the same moment."""
        return all(each in one for each, one in zip(words, self.printed, strict=True))

    def all_pending(self, work: str) -> bool:
        return all(work in {one["work"] for one in each["pending"]} for each in self.whole)

    @property
    def are_complete(self) -> bool:
        said = [words for words in NOT_COUNTED for one in self.printed if words in one]
        return not said and not any(each["pending"] for each in self.whole)

    @property
    def say_that_it_arrived(self) -> list[bool]:
        states = [one["state"] for one in self.recipients["recipients"]]
        states += [one["state"] for one in self.messages["messages"]]
        states += [] if self.message is None else [self.message["state"]]
        counts = [one["sent"] + one["delivered"] == 1 for one in self.shown]
        return [*counts, *(state in REACHED for state in states)]


@dataclass(slots=True)
class Editor:
    """Asks about broadcasts as people and programs do."""

    service: Service
    api: httpx.AsyncClient

    async def create(self, client: Client) -> str:
        audience = [{"msisdn": client.number}, {"msisdn": "123"}]
        body = {"name": "Closed", "text": TEXT, "audience": audience, "rate": 10}
        made = await self.api.post("/v1/broadcasts", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def start(self, id_: str) -> None:
        started = await self.api.post(f"/v1/broadcasts/{id_}/start")
        assert started.status_code == 200, started.text

    async def ask(self, id_: str) -> Answers:
        """Ask every kind of question, all at once: each may wait for a moment."""
        path = f"/v1/broadcasts/{id_}"
        states = ("waiting", "sent", "delivered")
        commands: list[tuple[str, ...]] = [("show", id_, "--lang", lang) for lang in LANGUAGES]
        commands += [("show", id_, "--json"), ("list", "--json")]
        said, answers, pages = await asyncio.gather(
            asyncio.gather(*(self._run(*words) for words in commands)),
            asyncio.gather(
                self._get(path),
                self._get("/v1/broadcasts"),
                self._get("/v1/messages", broadcast=id_),
                self._get(f"{path}/excluded"),
            ),
            asyncio.gather(*(self._get(f"{path}/recipients", state=state) for state in states)),
        )
        *printed, object_, lines = said
        alone, every, messages, excluded = answers
        [listed] = [one for one in map(json.loads, lines.splitlines()) if one["id"] == id_]
        [of_all] = [one for one in every["broadcasts"] if one["id"] == id_]
        current = {"as_of": every.get("as_of"), "pending": every["pending"]}
        ids = [one["id"] for one in messages["messages"]]
        recipients = {
            "pending": [one for page in pages for one in page["pending"]],
            "recipients": [one for page in pages for one in page["recipients"]],
        }
        return Answers(
            printed=[" ".join(one.split()) for one in printed],
            shown=[json.loads(object_), listed, alone, {**of_all, **current}],
            recipients=recipients,
            messages=messages,
            message=await self._get(f"/v1/messages/{ids[0]}") if ids else None,
            excluded=excluded,
        )

    async def until(self, id_: str, is_it: Callable[[Answers], bool], what: str) -> Answers:
        """Ask until the answers are so; fail the test when they never are."""
        return await asked_until(lambda: self.ask(id_), is_it, what)

    async def _run(self, *words: str) -> str:
        ran = await self.service.command("broadcast", *words)
        assert ran.status == 0, ran.err
        return ran.out

    async def _get(self, path: str, **query: str) -> dict[str, Any]:
        answer = await self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor(service: Service) -> AsyncIterator[Editor]:
    ran = await service.command("tokens", "create", "--name", "editor", "--scope", "send")
    assert ran.status == 0, ran.err
    await service.start("projector", "scheduler")
    async with started_api(service, ran.out.strip()) as api:
        yield Editor(service, api)


def has_it(service: Service, client: Client) -> bool:
    return TEXT in service.script.texts_to(client.number)


@pytest.mark.parametrize("role", ["worker", "relay", "gateway", "projector", "scheduler"])
async def test_answers_about_a_broadcast_agree_with_the_phone(
    service: Service, editor: Editor, role: Role
) -> None:
    client = service.new_client()
    id_ = await editor.create(client)
    async with standing_still(service, role):
        await editor.start(id_)
        if role in {"worker", "projector"}:
            await service.script.until(lambda: has_it(service, client), TEXT)
        match role:
            case "worker":  # the phone may have the message before its result is in Kafka
                waits = await editor.until(id_, lambda one: one.all_pending("results"), "pending")
                said = NOT_COUNTED
            case "gateway":
                waits = await editor.until(id_, lambda one: one.says(NO_BIND), "no bind")
                said = NO_BIND
            case "scheduler":
                waits = await editor.until(id_, lambda one: one.says(OVERDUE), "overdue")
                said = OVERDUE
            case "projector":
                waits = await editor.until(id_, lambda one: all(one.say_that_it_arrived), "sent")
                said = ("", "")
            case _:
                waits, said = await editor.ask(id_), ("", "")
        for words, printed in zip(said, waits.printed, strict=True):
            assert words in printed
            # Others have sent something in the last minute, and an end is told by that.
            assert role not in {"gateway", "scheduler"} or not [
                w for w in ("ends about", "until about") if w in printed
            ]
        if not has_it(service, client):
            assert not any(waits.say_that_it_arrived), waits
        elif not all(waits.say_that_it_arrived):
            assert waits.all_pending("results"), waits
        assert [row["reason"] for row in waits.excluded["rows"]] == ["number"]
    await service.script.until(lambda: has_it(service, client), TEXT)
    ended = await editor.until(
        id_, lambda one: all(one.say_that_it_arrived) and one.are_complete, "complete"
    )
    assert all(one["as_of"] for one in ended.shown)


async def test_without_kafka_it_is_said_that_results_may_be_missing(
    service: Service, editor: Editor
) -> None:
    client = service.new_client()
    id_ = await editor.create(client)
    await editor.start(id_)
    await editor.until(id_, lambda one: all(one.say_that_it_arrived), "sent")
    was = dict(service.extra_environment)
    service.extra_environment["SCSERV_KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:9"
    try:
        shown = await service.command("broadcast", "show", id_, "--json")
        assert json.loads(shown.out)["as_of"] is None
        printed = await service.command("broadcast", "show", id_)
        assert "it can't be told now whether all results are counted" in printed.out
    finally:
        service.extra_environment.clear()
        service.extra_environment.update(was)
