"""Finds the people that a batch of orders names, before and within its transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from inbound.directory.port import ClientNumbers
from inbound.keys import SubjectHasher
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.store.transactions.port import Transaction
from schemas.orders import Order, RefusalReason


@dataclass(slots=True)
class OrderRecipient:
    """Whom an order names. Without a number there is a `problem`.

    `named_subject` is the subject if the order names one. The last two are set within the
    transaction.
    """

    named_subject: UUID | None = None
    number: str | None = field(default=None, repr=False)
    number_hash: bytes | None = None
    problem: RefusalReason | None = None
    is_client: bool = False
    may_be_stranger: bool = False
    subject_id: UUID | None = None


class RecipientFinder:
    """Finds recipients; the directory is asked before the transaction, the store within it."""

    def __init__(self, directory: ClientNumbers, hasher: SubjectHasher) -> None:
        self._directory = directory
        self._hasher = hasher

    async def look_up(self, orders: Sequence[Order]) -> list[OrderRecipient]:
        """Return the recipient of each order, as far as the directory knows them.

        Two requests to the directory at most. Raises RetryableError.
        """
        ids = {order.client_id for order in orders if order.client_id is not None}
        of_clients = await self._directory.numbers_of_clients(sorted(ids)) if ids else {}
        recipients = [self._recipient(order, of_clients) for order in orders]
        numbers = {one.number for one in recipients if one.number is not None}
        known = await self._directory.known(sorted(numbers)) if numbers else set()
        for one in recipients:
            one.is_client = one.number in known
        return recipients

    async def find_subjects(
        self, transaction: Transaction, recipients: Sequence[OrderRecipient]
    ) -> None:
        """Find the subject of each recipient; make those of clients, and of strangers if allowed.

        A person is remembered only if something may be sent to them.
        """
        await self._find_numbers(transaction, [one for one in recipients if one.named_subject])
        wanted = {
            one.number_hash: one.number
            for one in recipients
            if one.number_hash and one.number and (one.is_client or one.may_be_stranger)
        }
        others = {one.number_hash for one in recipients if one.number_hash} - wanted.keys()
        subjects = await transaction.subjects(wanted) if wanted else {}
        if others:
            subjects |= await transaction.find_subjects(others)
        for one in recipients:
            if one.number_hash is not None:
                one.subject_id = subjects.get(one.number_hash)

    async def _find_numbers(
        self, transaction: Transaction, recipients: Sequence[OrderRecipient]
    ) -> None:
        if not recipients:
            return
        numbers = await transaction.numbers_of(
            {one.named_subject for one in recipients if one.named_subject}
        )
        known = await self._directory.known(sorted(set(numbers.values()))) if numbers else set()
        for one in recipients:
            number = numbers.get(one.named_subject) if one.named_subject else None
            if number is not None:
                self._set_number(one, number)
                one.problem, one.is_client = None, number in known

    def _recipient(self, order: Order, of_clients: dict[str, str]) -> OrderRecipient:
        recipient = OrderRecipient(order.subject_id, problem=RefusalReason.RECIPIENT_UNKNOWN)
        number = of_clients.get(order.client_id) if order.client_id is not None else None
        if order.phone is not None:
            try:
                number = parse_msisdn(order.phone)
            except NumberError:
                recipient.problem = RefusalReason.NOT_A_MOBILE_NUMBER
        if number is not None:
            recipient.problem = None
            self._set_number(recipient, number)
        return recipient

    def _set_number(self, recipient: OrderRecipient, number: str) -> None:
        recipient.number = number
        recipient.number_hash = self._hasher.hash(number)
