"""How the API places and cancels orders: its own connection to the store, shared by batches."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from inbound.api.problems import RETRY_AFTER_S as DATABASE_AFTER_S
from inbound.api.problems import ProblemKind, Refusal
from inbound.errors import RetryableError
from inbound.orders.batching import OrderBatcher, TooManyWaitingError
from inbound.orders.dispatch import Dispatcher
from inbound.orders.ports import Placed
from schemas.orders import Order, OrderState

RETRY_AFTER_S: Final = 1

_SCHEDULED: Final = frozenset({OrderState.SCHEDULED})


class OrderService:
    """Places the orders of requests, and cancels scheduled ones."""

    def __init__(
        self, batcher: OrderBatcher, dispatcher: Dispatcher, *, zone: str, ahead_days: int
    ) -> None:
        """`zone` is the time zone of sending hours that name none.

        `ahead_days` is how far ahead orders may reach.
        """
        self._batcher = batcher
        self._dispatcher = dispatcher
        self.zone = zone
        self.ahead_days = ahead_days

    async def place(self, orders: Sequence[Order]) -> Sequence[Placed]:
        """Return the answer to each order. Raises Refusal when that can't be done now."""
        try:
            return await self._batcher.place(orders)
        except TooManyWaitingError:
            raise Refusal(
                ProblemKind.UNAVAILABLE,
                "too many messages wait to be placed, and none of this request was; send it again",
                {"Retry-After": str(RETRY_AFTER_S)},
            ) from None
        except RetryableError:
            # Its own text would name the database host.
            raise Refusal(
                ProblemKind.UNAVAILABLE,
                "the database does not answer, and the messages of this request may have been "
                "placed; with an Idempotency-Key it is safe to send it again",
                {"Retry-After": str(DATABASE_AFTER_S)},
            ) from None

    async def cancel_scheduled(self, order_id: UUID) -> OrderState | None:
        """Cancel an order if it is scheduled; return its state, None if there is no such order."""
        return (await self._dispatcher.cancel([order_id], _SCHEDULED)).get(order_id)

    async def close(self) -> None:
        """Wait for orders that are being placed."""
        await self._batcher.close()
