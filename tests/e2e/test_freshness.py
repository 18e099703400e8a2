"""No answer contradicts what a person has been told, whichever process stands still.

Each role is stopped (SIGSTOP) on a real service, people text, and every kind of question is asked
on the command line and over HTTP, in both languages.
"""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
import psutil
import pytest
import pytest_asyncio

from schemas.partitions import partition_of
from schemas.topics import PARTITIONS
from tests.fix_service import Client, Role, Service, eventually, free_port
from tests.patience import PATIENCE_S
from tests.service.waiting import asked_until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

DENIALS: Final = ("no record of a text", "нет сведений", "no request", "no events")
UNSENT: Final = (
    *("is being sent", "has been waiting", "overdue", "could not be sent"),
    *("отправляется", "ждёт отправки", "срок ист"),
)
LANGUAGES: Final = ("en", "ru")
ARRIVED: Final = ("delivered to", "was handed", "доставлено на", "передано оператору")
TEXT, SERVICE_TEXT = "Ваша заявка выполнена", "Код 4321"


@dataclass(slots=True)
class Answers:
    """What was answered about one person."""

    sentences: list[str] = field(default_factory=list)
    timelines: list[Any] = field(default_factory=list)
    subscriptions: list[Any] = field(default_factory=list)
    lists: list[Any] = field(default_factory=list)

    def pending(self) -> list[set[str]]:
        """What each answer named as pending."""
        answers = [*self.timelines, *self.subscriptions, *self.lists]
        return [{one["work"] for one in answer["pending"]} for answer in answers]


@dataclass(slots=True)
class Desk:
    """Asks about people as support and other programs do."""

    service: Service
    api: httpx.AsyncClient

    async def ask(self, client: Client) -> Answers:
        """Ask every kind of question about a client, all at once: each may wait for a moment."""
        answers = Answers()
        timelines = asyncio.gather(*(self._timeline(client, lang) for lang in LANGUAGES))
        told, events, _ = await asyncio.gather(
            timelines,
            self.service.command("events", "--phone", client.number),
            self._ask_about_subject(client, answers),
        )
        for shown, *both in told:
            answers.sentences.append(" ".join(shown.split()))
            answers.timelines += both
        answers.sentences.append(events.err)
        for timeline in answers.timelines:
            answers.sentences.append(timeline["sentence"])
            for several in ("requests", "orders", "answers"):
                answers.sentences += [one["sentence"] for one in timeline.get(several, ())]
        return answers

    async def _timeline(self, client: Client, lang: str) -> tuple[str, Any, Any]:
        """Return what the command prints, its JSON object, and the one of the API."""
        words = "timeline", "--phone", client.number, "--lang", lang
        body = {"phone": client.number, "lang": lang}
        shown, told, answer = await asyncio.gather(
            self._command(*words),
            self._command(*words, "--json"),
            self.api.post("/v1/timeline", json=body),
        )
        return shown, json.loads(told), self._json(answer)

    async def _ask_about_subject(self, client: Client, answers: Answers) -> None:
        [queried] = self._json(
            await self.api.post(
                "/v1/subscriptions/query", json={"recipients": [{"to": client.number}]}
            )
        )["subscriptions"]
        answers.subscriptions.append(queried)
        for state in queried["numbers"]:
            if subject := state["subject_id"]:
                single = await self.api.get(f"/v1/subjects/{subject}/subscription")
                answers.subscriptions.append(self._json(single))
                listed = await self.api.get("/v1/requests", params={"subject": subject})
                answers.lists.append(self._json(listed))

    async def order(self, client: Client, kind: str = "notification") -> dict[str, Any]:
        """Order a message to a client; return what its sender is told."""
        if kind == "service":
            body = {"to": client.number, "text": SERVICE_TEXT, "kind": kind}
        else:
            body = {"to": client.number, "text": TEXT, "kind": kind}
        answer = await self.api.post("/v1/messages", json=body)
        told: dict[str, Any] = answer.json()
        return told

    async def state(self, order_id: str) -> str:
        """Return the state of an order as its sender sees it."""
        message = self._json(await self.api.get(f"/v1/messages/{order_id}"))
        return str(message["state"])

    async def until(self, client: Client, is_it: Callable[[Answers], bool], what: str) -> Answers:
        """Ask until the answers are so; fail the test when they never are."""
        return await asked_until(lambda: self.ask(client), is_it, what)

    async def _command(self, *arguments: str) -> str:
        ran = await self.service.command(*arguments)
        assert ran.status == 0, ran.err
        return ran.out

    def _json(self, answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(service: Service) -> str:
    scopes = [f"--scope={scope}" for scope in ("read", "resolve", "send")]
    ran = await service.command("tokens", "create", "--name", "desk", *scopes)
    assert ran.status == 0, ran.err
    return ran.out.strip()


@asynccontextmanager
async def started_api(service: Service, token: str) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    service.extra_environment["SCSERV_API__PORT"] = str(port)
    await service.start("api")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=PATIENCE_S
    ) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(service: Service, token: str) -> AsyncIterator[Desk]:
    await service.start("projector", "scheduler")
    async with started_api(service, token) as api:
        yield Desk(service, api)


@asynccontextmanager
async def standing_still(service: Service, role: Role) -> AsyncIterator[None]:
    process = service.one(role).process
    process.send_signal(signal.SIGSTOP)
    try:
        await eventually(
            lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED,
            lambda: f"the {role} does not stand still",
        )
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def stopped_client(service: Service) -> Client:
    """A client who has texted stop and received both replies."""
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.script.replies(client.number)
    return client


def assert_stop_is_known(answers: Answers) -> None:
    assert len(answers.subscriptions) == 2
    states = [answers.subscriptions[0]["numbers"][0], answers.subscriptions[1]]
    assert [state["may_be_texted"] for state in states] == [False, False]
    assert states[0]["version"] == states[1]["version"] > 0


def assert_no_denial(answers: Answers) -> None:
    for sentence in answers.sentences:
        assert not [denial for denial in DENIALS if denial in sentence], sentence


def is_complete(answers: Answers) -> bool:
    return not any(answers.pending())


def results_are_pending(answers: Answers) -> bool:
    """Whether each timeline knows that results are stored which no worker has processed."""
    return all("results" in {one["work"] for one in told["pending"]} for told in answers.timelines)


def says_what_waits(answers: Answers) -> bool:
    """Whether it is said in both languages that texts wait; never that there are none.

    On a machine that is busy Kafka may not answer in time: then it is not known for a moment.
    """
    assert_no_denial(answers)
    waits = ("have not been processed yet", "ещё не обработаны", "have not been processed yet")
    return all(words in one for words, one in zip(waits, answers.sentences, strict=False))


def waits_for_the_relay(answers: Answers) -> bool:
    """Whether it is said in both languages that a reply waits, and is not being sent."""
    waits = ("for our service to pass it on", "передача сообщений в нашем сервисе")
    return all(words in one for words, one in zip(waits, answers.sentences, strict=False))


def in_another_partition(service: Service, client: Client) -> Client:
    """A client whose texts are in another partition."""
    place = partition_of(service.key_of(client.number), PARTITIONS)
    others = iter(service.new_client, None)
    return next(
        one for one in others if partition_of(service.key_of(one.number), PARTITIONS) != place
    )


async def test_a_text_is_not_denied_while_the_worker_stands_still(
    service: Service, desk: Desk
) -> None:
    known, new = await stopped_client(service), service.new_client()
    await desk.until(known, is_complete, "complete")
    async with standing_still(service, "worker"):
        await service.text(new.number, "CLIENT info")
        await service.text(known.number, "CLIENT sms start")
        for client in (known, new):
            answers = await desk.until(client, says_what_waits, "texts wait")
            assert all("texts" in each for each in answers.pending()), answers
        assert_stop_is_known(await desk.ask(known))
        elsewhere = in_another_partition(service, new)
        await desk.until(
            elsewhere,
            lambda answers: "We have no record of a text from" in answers.sentences[0],
            "nothing waits in another partition",
        )
        unknown = "0af7651916cd43dd8448eb211c80319c"
        by_trace = await service.command("timeline", "--trace", unknown, "--lang", "en")
        assert by_trace.status == 1
        assert "processed" in by_trace.err
        missing = await desk.api.get(f"/v1/traces/{unknown}")
        assert missing.status_code == 404
        assert "processed" in missing.json()["detail"]
    await service.completed(new.number)
    await service.completed(known.number, requests=2)
    for client in (known, new):
        answers = await desk.until(client, is_complete, "complete")
        assert all(len(one["requests"]) >= 1 for one in answers.timelines)
        assert all(one["as_of"] for one in (*answers.timelines, *answers.subscriptions))


async def test_a_reply_on_the_phone_is_not_said_to_be_late_or_unsent(
    service: Service, desk: Desk
) -> None:
    client = service.new_client()
    process = service.one("worker").process

    def stop_worker(submit: Any) -> None:
        if submit.number == client.number:
            process.send_signal(signal.SIGSTOP)

    service.script.watch = stop_worker
    try:
        async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
            await phone.text("CLIENT sms stop")
            await phone.receive()
        answers = await desk.until(client, results_are_pending, "the result is pending")
        assert_no_denial(answers)
        assert_stop_is_known(answers)
        for sentence in answers.sentences:
            assert not [words for words in UNSENT if words in sentence], sentence
    finally:
        service.script.watch = lambda _: None
        process.send_signal(signal.SIGCONT)
    await service.completed(client.number)


@pytest.mark.parametrize("role", ["projector", "relay", "scheduler"])
async def test_a_confirmed_stop_is_known_while_any_role_is_stopped(
    service: Service, desk: Desk, role: Role
) -> None:
    confirmed, client = await stopped_client(service), service.new_client()
    async with standing_still(service, role):
        if role == "relay":  # the stop is decided, and nothing confirms it yet
            await service.text(client.number, "CLIENT sms stop")
            answers = await desk.until(
                client, lambda answers: len(answers.subscriptions) == 2, "decided"
            )
            await desk.until(client, waits_for_the_relay, "it waits for the relay")
        else:
            await service.text(client.number, "CLIENT sms stop")
            await service.script.replies(client.number)
            await service.completed(client.number)
            answers = await desk.ask(client)
        assert_stop_is_known(answers)
        assert_stop_is_known(await desk.ask(confirmed))
        assert_no_denial(answers)
        if role == "projector":
            [page] = answers.lists
            assert page["requests"] == []
            assert "events" in {one["work"] for one in page["pending"]}
            assert page["as_of"]
    await service.completed(client.number)
    answers = await desk.until(client, is_complete, "complete")
    assert [len(page["requests"]) for page in answers.lists] == [1]


async def test_a_text_may_wait_at_the_centre_while_the_gateway_stands_still(
    service: Service, desk: Desk
) -> None:
    client = service.new_client()
    async with standing_still(service, "gateway"):
        accepted = service.deliver(client.number, "CLIENT sms stop")
        await desk.until(
            client,
            lambda answers: all("reception" in each for each in answers.pending()),
            "the centre is not connected",
        )
        # The first answers of those may come from before it was known.
        answers = await desk.ask(client)
        assert_no_denial(answers)
        for sentence, words in zip(answers.sentences[:2], ("SMS centre", "СМС-центр"), strict=True):
            assert words in sentence
    await asyncio.wait_for(accepted, PATIENCE_S)
    await service.script.replies(client.number)
    await desk.until(client, lambda answers: len(answers.subscriptions) == 2, "processed")


async def test_without_kafka_nothing_is_denied_and_the_rest_is_answered(
    service: Service, desk: Desk, token: str
) -> None:
    known, new = await stopped_client(service), service.new_client()
    await service.completed(known.number)
    was = dict(service.extra_environment)
    service.extra_environment["SCSERV_KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:9"
    try:
        async with started_api(service, token) as api:
            blind = Desk(service, api)
            for client in (known, new):
                answers = await blind.ask(client)
                assert_no_denial(answers)
                assert all("texts" in each for each in answers.pending())
                for answer in (*answers.timelines, *answers.subscriptions, *answers.lists):
                    assert answer.get("as_of") is None
            answers = await blind.ask(known)
            assert_stop_is_known(answers)
            assert all(len(one["requests"]) == 1 for one in answers.timelines)
    finally:
        service.extra_environment.clear()
        service.extra_environment.update(was)


# -- orders -------------------------------------------------------------------------------------


def has_verdict(order_id: str, verdicts: set[str], answers: Answers) -> bool:
    """Whether each timeline has the order with one of these verdicts."""
    shown = [
        order["verdict"]
        for told in answers.timelines
        for order in told["orders"]
        if order["order_id"] == order_id
    ]
    return len(shown) == len(answers.timelines) and verdicts.issuperset(shown)


@pytest.mark.parametrize("role", ["worker", "relay", "gateway", "projector", "scheduler"])
async def test_answers_about_orders_agree_with_what_the_sender_was_told(
    service: Service, desk: Desk, role: Role
) -> None:
    off, client = await stopped_client(service), service.new_client()
    await service.completed(off.number)
    async with standing_still(service, role):
        refused = await desk.order(off)
        assert refused["reason"] == "opted_out"
        accepted, always = await desk.order(client), await desk.order(off, "service")
        if role not in {"relay", "gateway"}:
            await phone_has(service, client, TEXT)
            await phone_has(service, off, SERVICE_TEXT)
        if role == "worker":  # the phone may have a message before its result is in Kafka
            answers = await desk.until(client, results_are_pending, "the result is pending")
        else:
            answers = await desk.ask(client)
        about_off = await desk.ask(off)
        has_it = TEXT in service.script.texts_to(client.number)
        wrong = UNSENT if has_it and role == "worker" else ARRIVED if not has_it else ()
        for sentence in answers.sentences:
            assert not [words for words in wrong if words in sentence], sentence
        assert_no_denial(about_off)
        assert_stop_is_known(about_off)
        assert ("refused", "opted_out") in {
            (order["verdict"], order.get("reason"))
            for told in about_off.timelines
            for order in told["orders"]
        }
    for person, order in ((client, accepted), (off, always)):
        is_sent = partial(has_verdict, order["id"], {"sent", "delivered"})
        await desk.until(person, is_sent, "sent")
        assert await desk.state(order["id"]) in {"sent", "delivered"}
    answers = await desk.until(off, is_complete, "complete")
    still = [one["sentence"] for one in answers.timelines[0]["answers"]]
    assert any("switch does not stop" in one for one in still), still
    assert TEXT not in service.script.texts_to(off.number)


async def phone_has(service: Service, client: Client, text: str) -> None:
    await service.script.until(lambda: text in service.script.texts_to(client.number), text)


async def test_a_withheld_notification_is_told_alike(service: Service, desk: Desk) -> None:
    client = service.new_client()
    async with standing_still(service, "gateway"):
        accepted = await desk.order(client)
        ran = await service.command(
            "subscriptions", "set", client.number, "off", "--reason", "asked by phone"
        )
        assert ran.status == 0, ran.err
        answers = await desk.ask(client)
        assert_stop_is_known(answers)
        for sentence in answers.sentences:
            assert not [words for words in ARRIVED if words in sentence], sentence
    is_withheld = partial(has_verdict, accepted["id"], {"withheld"})
    answers = await desk.until(client, is_withheld, "withheld")
    assert await desk.state(accepted["id"]) == "withheld"
    assert TEXT not in service.script.texts_to(client.number)
    words = ("by our staff, as you had asked", "нашим сотрудником по Вашей просьбе")
    for lang, told in zip(words, answers.timelines[::2], strict=True):
        assert lang in told["orders"][0]["sentence"]
