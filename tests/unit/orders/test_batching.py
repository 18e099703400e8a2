"""Orders of concurrent callers share batches, and each caller gets its own answers, once."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from inbound.errors import RetryableError
from inbound.orders.batching import OrderBatcher, TooManyWaitingError
from inbound.orders.intake import MOST_IN_BATCH
from inbound.orders.ports import Placed
from schemas.orders import Order
from tests.fix_orders import order


class Intake:
    """Answers when it is let go; notes the texts of each batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.errors: list[Exception] = []
        self.poison = ""
        self.go = asyncio.Event()
        self.started = asyncio.Event()
        self.ids: dict[str, UUID] = {}

    async def place(self, orders: Sequence[Order]) -> list[Placed]:
        texts = [one.text or "" for one in orders]
        self.batches.append(texts)
        self.started.set()
        await self.go.wait()
        if self.errors:
            raise self.errors.pop(0)
        if self.poison in texts:
            raise ValueError
        return [Placed(self.ids.setdefault(text, uuid4()), "queued", 1) for text in texts]


@pytest.fixture
def intake() -> Intake:
    return Intake()


def texts(*numbers: int) -> list[Order]:
    return [order(text=f"{number}") for number in numbers]


def of(account: str, *numbers: int) -> list[Order]:
    return [order(account=account, text=f"{number}") for number in numbers]


def account_of(one: Order) -> str:
    return one.account


async def test_callers_share_a_batch_and_get_their_own_answers(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    intake.go.set()
    asked = [texts(1), texts(2, 3), texts(4)]
    answers = await asyncio.gather(*(batcher.place(orders) for orders in asked))
    assert intake.batches == [["1", "2", "3", "4"]]
    for orders, placed in zip(asked, answers, strict=True):
        assert [one.order_id for one in placed] == [intake.ids[one.text or ""] for one in orders]


async def test_what_arrives_meanwhile_is_the_next_batch(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    first = asyncio.create_task(batcher.place(texts(1)))
    await intake.started.wait()
    others = [asyncio.create_task(batcher.place(texts(number))) for number in (2, 3)]
    await asyncio.sleep(0)
    intake.go.set()
    await asyncio.gather(first, *others)
    assert intake.batches == [["1"], ["2", "3"]]


async def test_a_batch_is_no_larger_than_the_intake_takes(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    intake.go.set()
    half = texts(*range(MOST_IN_BATCH // 2 + 1))
    await asyncio.gather(batcher.place(half), batcher.place(half))
    assert [len(batch) for batch in intake.batches] == [len(half)] * 2


async def test_a_full_queue_refuses_at_once_and_places_nothing(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place, most_waiting=2)
    first = asyncio.create_task(batcher.place(texts(0)))
    await intake.started.wait()
    waiting = asyncio.create_task(batcher.place(texts(1, 2)))
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaitingError):
        await batcher.place(texts(3))
    intake.go.set()
    await asyncio.gather(first, waiting)
    await batcher.place(texts(4))
    assert intake.batches == [["0"], ["1", "2"], ["4"]]


async def test_accounts_take_turns(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place, account_of=account_of)
    first = asyncio.create_task(batcher.place(of("greedy", *range(MOST_IN_BATCH))))
    await intake.started.wait()
    lists = [of("greedy", *range(MOST_IN_BATCH)) for _ in range(3)]
    others = [asyncio.create_task(batcher.place(one)) for one in (*lists, of("shop", 1))]
    others.append(asyncio.create_task(batcher.place(of("shop", 2))))
    await asyncio.sleep(0)
    intake.go.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in intake.batches] == [1000, 1000, 2, 1000, 1000]
    assert intake.batches[2] == ["1", "2"]


async def test_no_account_fills_the_queue_of_another(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place, account_of=account_of, most_waiting=8)
    waiting = [asyncio.create_task(batcher.place(of("first", 1)))]
    await intake.started.wait()
    for account, most in (("a", 4), ("b", 2), ("c", 1), ("d", 1), ("e", 1)):
        for _ in range(most):
            waiting.append(asyncio.create_task(batcher.place(of(account, 1))))
            await asyncio.sleep(0)
        refused = asyncio.create_task(batcher.place(of(account, 2)))
        await asyncio.sleep(0)
        assert isinstance(refused.exception(), TooManyWaitingError)
    intake.go.set()
    await asyncio.gather(*waiting)


async def test_a_caller_that_goes_away_loses_and_doubles_nothing(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    gone = asyncio.create_task(batcher.place(texts(1)))
    stays = asyncio.create_task(batcher.place(texts(2)))
    await intake.started.wait()
    gone.cancel()
    intake.go.set()
    assert len(await stays) == 1
    await batcher.close()
    assert intake.batches == [["1", "2"]]


async def test_a_caller_that_goes_away_before_its_batch_is_placed(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    gone = asyncio.create_task(batcher.place(texts(1)))
    await asyncio.sleep(0)
    gone.cancel()
    intake.go.set()
    await batcher.close()
    assert intake.batches == [["1"]]


async def test_an_outage_reaches_every_caller_and_the_next_batch_is_placed(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    intake.errors = [RetryableError("gone")]
    intake.go.set()
    answers = await asyncio.gather(
        *(batcher.place(texts(number)) for number in (1, 2)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [RetryableError] * 2
    assert len(await batcher.place(texts(3))) == 1
    assert intake.batches == [["1", "2"], ["3"]]


async def test_an_order_that_breaks_the_batch_fails_alone(intake: Intake) -> None:
    batcher = OrderBatcher(intake.place)
    intake.poison = "2"
    intake.go.set()
    answers = await asyncio.gather(
        *(batcher.place(texts(number)) for number in (1, 2, 3)), return_exceptions=True
    )
    assert [isinstance(answer, ValueError) for answer in answers] == [False, True, False]
