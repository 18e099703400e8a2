"""Takes what programs submit: messages and parts become orders, and get ids."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from inbound.errors import RetryableError
from inbound.ingress.numbers import MessageNumbers
from inbound.ingress.smpp.links import Link
from inbound.ingress.smpp.long_messages import LongMessages
from inbound.ingress.smpp.placing import Placement
from inbound.ingress.smpp.sealing import Addresses, seal_pdu
from inbound.ingress.smpp.submission import (
    Submission,
    SubmissionError,
    Text,
    order_of,
    read,
    split_comment,
    with_named_coding,
)
from inbound.keys import OrderHasher, SubjectHasher
from inbound.orders.batching import Batcher, TooManyWaitingError
from inbound.orders.comments import seal_comment, words_of
from inbound.orders.horizon import beyond_horizon
from inbound.smpp.address import Address
from inbound.smpp.pdu import SubmitSm, encode
from inbound.smpp.status import Status
from inbound.smpp.user_data import ConcatenatedPart
from inbound.store.sealing import Sealer
from inbound.store.smpp.parts import RepeatedPartError, SubmittedPartsKey, TooManyPartsError
from inbound.store.smpp.rows import NewPart, SubmittedMessage, SubmittedPart
from schemas.channels import Channel
from schemas.orders import Order

log = logging.getLogger(__name__)

_KEY: Final = "smpp:"
_NO_ORDER: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a submit_sm is answered with."""

    status: int
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class _Ids:
    """The ids of one message; `told` are those that the program has already."""

    ids: Sequence[int]
    told: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a message comes from, and what its program wants."""

    account: str
    link: UUID
    registered: int
    at: datetime
    is_bulk: bool
    parts_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Submitting:
    """Makes orders of messages. `batcher` places them; `channels` are those that are configured."""

    batcher: Batcher[Placement, Status]
    long_messages: LongMessages
    numbers: MessageNumbers
    order_hasher: OrderHasher
    subject_hasher: SubjectHasher
    sealer: Sealer
    country: str
    ahead_days: int
    channels: frozenset[Channel] = frozenset()

    async def take(self, pdu: SubmitSm, link: Link, now: datetime) -> Taken:
        """Place a message, or store a part; return the answer. It is stored if that is ESME_ROK.

        Never raises for what a program sent, nor for an outage: that is a temporary error.
        """
        try:
            pdu = with_named_coding(pdu, iso=link.options.iso)
            submission = read(pdu, self.country, now)
            if submission.part is not None:
                return await self._take_part(pdu, submission, submission.part, link, now)
            is_bulk = link.pace.takes_as_bulk(pdu.priority_flag)
            return await self._take_whole(submission, link, now, is_bulk=is_bulk)
        except SubmissionError as error:
            log.debug("account %s: refused: %s", link.account, error)
            return Taken(error.status)
        except RepeatedPartError:
            return Taken(Status.ESME_RSUBMITFAIL)
        except (TooManyPartsError, TooManyWaitingError):
            return Taken(Status.ESME_RMSGQFUL)
        except RetryableError as error:
            log.warning("account %s: ESME_RSYSERR, to be submitted again: %s", link.account, error)
            return Taken(Status.ESME_RSYSERR)

    async def _take_whole(
        self, submission: Submission, link: Link, now: datetime, *, is_bulk: bool
    ) -> Taken:
        text = split_comment(submission.text)
        message_id = await self.numbers.next()
        placement = self._placement(
            submission,
            text,
            _Ids([message_id]),
            _Origin(link.account, link.id, submission.registered, now, is_bulk),
        )
        return await self._place(placement, message_id)

    async def _take_part(
        self,
        pdu: SubmitSm,
        submission: Submission,
        part: ConcatenatedPart,
        link: Link,
        now: datetime,
    ) -> Taken:
        key = SubmittedPartsKey(link.account, self._parts_key(link.account, submission, part))
        message_id = await self.numbers.next()
        new = NewPart(
            *key,
            part.sequence,
            part.total,
            message_id,
            self.subject_hasher.hash(submission.phone),
            self._sealed_addresses(submission, message_id),
            seal_pdu(self.sealer, encode(pdu), key.parts_key),
            self.order_hasher.digest(b"smpp part", bytes((part.sequence,)), part.body),
            link.id,
            submission.registered,
            now,
        )
        added = await self.long_messages.add(new, own_id=link.options.single)
        if not added.whole:
            return Taken(Status.ESME_ROK, str(added.message_id))
        is_bulk = link.pace.takes_as_bulk(pdu.priority_flag)
        return await self._take_parts(key, added.whole, added.message_id, now, is_bulk=is_bulk)

    async def take_left_behind(
        self, key: SubmittedPartsKey, stored: Sequence[SubmittedPart], now: datetime
    ) -> None:
        """Place a whole message whose program has all its ids. Raises RetryableError."""
        try:
            await self._take_parts(key, stored, None, now, is_bulk=False)
        except SubmissionError as error:
            log.info("account %s: a long message was refused: %s", key.account, error)

    async def _take_parts(
        self,
        key: SubmittedPartsKey,
        stored: Sequence[SubmittedPart],
        answered: int | None,
        now: datetime,
        *,
        is_bulk: bool,
    ) -> Taken:
        """Place a whole message; `answered` is the id that the answer gives to its program."""
        try:
            whole = self.long_messages.whole(stored, key.parts_key)
            text = split_comment(whole.text)
            told = frozenset(
                one for one in whole.message_ids if one != answered or len(whole.message_ids) == 1
            )
            origin = _Origin(
                *(key.account, whole.link, whole.registered, now, is_bulk), key.parts_key
            )
            ids = _Ids(whole.message_ids, told)
            placement = self._placement(whole.submission, text, ids, origin)
        except SubmissionError:
            await self.long_messages.reject(key)
            raise
        return await self._place(placement, answered or whole.message_ids[0])

    async def _place(self, placement: Placement, message_id: int) -> Taken:
        (status,) = await self.batcher.place([placement])
        return Taken(status, "" if status else str(message_id))

    def _placement(
        self, submission: Submission, text: Text, ids: _Ids, origin: _Origin
    ) -> Placement:
        account = origin.account
        if text.channel is not None and text.channel not in self.channels:
            raise SubmissionError(Status.ESME_RINVSERTYP, "the channel is not configured")
        order = order_of(
            submission,
            text,
            account=account,
            key=f"{_KEY}{ids.ids[0]}",
            registered=origin.registered,
            is_bulk=origin.is_bulk,
        )
        self._check_horizon(order, origin.at)
        is_single = len(ids.ids) > 1 or submission.part is None
        digest = self.order_hasher.digest(
            *(b"smpp", account.encode(), submission.phone.encode()),
            *((submission.sender or "").encode(), text.text.encode()),
            submission.schedule.encode(),
        )
        words = words_of(self.order_hasher, account, text.comment) if text.comment else None
        messages = [
            SubmittedMessage(
                message_id=one,
                account=account,
                order_id=_NO_ORDER,
                number_hash=self.subject_hasher.hash(submission.phone),
                addresses=self._sealed_addresses(submission, one),
                comment=seal_comment(self.sealer, text.comment, one),
                words=words,
                digest=digest,
                link=origin.link,
                registered=origin.registered,
                parts=1 if is_single or submission.part is None else submission.part.total,
                created_at=origin.at,
                is_told=one in ids.told,
            )
            for one in ids.ids
        ]
        return Placement(order, messages, origin.parts_key)

    def _check_horizon(self, order: Order, now: datetime) -> None:
        for name in beyond_horizon(order, now, self.ahead_days):
            is_start = name == "not_before"
            status = Status.ESME_RINVSCHED if is_start else Status.ESME_RINVEXPIRY
            raise SubmissionError(status, f"{name} is too far ahead")

    def _parts_key(self, account: str, submission: Submission, part: ConcatenatedPart) -> bytes:
        def octets(address: Address) -> bytes:
            return f"{address.ton}:{address.addr}".encode()

        return self.order_hasher.digest(
            *(b"smpp parts", account.encode()),
            *(octets(submission.source), octets(submission.destination)),
            f"{part.reference}:{part.width}:{part.total}".encode(),
        )

    def _sealed_addresses(self, submission: Submission, message_id: int) -> bytes:
        addresses = Addresses(submission.source, submission.destination)
        return addresses.seal(self.sealer, message_id)
