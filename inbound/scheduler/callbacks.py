"""Makes the calls to URLs of accounts. Several processes may run it at once.

Each account has a task of its own, so that a slow one holds up no other. It runs a few calls at a
time, those of one topic one after another; when one ends, the next one takes its place, so a slow
answer holds up no more than its own place. A call that fails is repeated with back-off for
three days, and then is dead: an operator sees it and can retry it. A receiver may ask for a longer
pause (`Retry-After`), or for no more calls (410 Gone), and then the call is dead at once, like one
that can't be expressed in the form of the calls. A process that is killed leaves its calls to
others after a lease, so a receiver may get one twice, with the same `webhook-id`.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic_core import from_json, to_json
from typing_extensions import override

from inbound.callbacks.posting import CallbackFailed, Poster
from inbound.callbacks.signing import secret_context, signed_headers
from inbound.callbacks.smsc_form import MEDIA_TYPE
from inbound.errors import RetryableError
from inbound.ops import metrics
from inbound.reasons import in_words
from inbound.scheduler.loops import Loop, LoopHealth, sleep
from inbound.scheduler.smsc_calls import smsc_bodies
from inbound.store.callbacks import callbacks
from inbound.store.callbacks.callbacks import SMSC, TakenCallback
from inbound.store.connection_pool import ConnectionPool
from inbound.store.mo.account_texts import TextContent
from inbound.store.sealing import Sealer

LOOK_EVERY_S: Final = 1.0
AT_ONCE: Final = 8
LEASE: Final = timedelta(seconds=60)
GIVE_UP_AFTER: Final = timedelta(days=3)

_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(hours=4)

log = logging.getLogger(__name__)


def pause_after(attempts: int, chance: float) -> timedelta:
    """Return the back-off after so many attempts; `chance` from 0 to 1 spreads it by a quarter."""
    pause = min(_FIRST_PAUSE * int(3 ** min(attempts - 1, 10)), _LONGEST_PAUSE)
    return pause * (0.875 + chance / 4)


class Callbacks(Loop):
    """Looks for due calls once a second."""

    def __init__(
        self,
        pool: ConnectionPool,
        sealer: Sealer,
        poster: Poster,
        report: LoopHealth,
        *,
        clock: Callable[[], datetime],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._pool = pool
        self._sealer = sealer
        self._poster = poster
        self._report = report
        self._clock = clock
        self._chance = chance
        self._serving: dict[str, asyncio.Task[None]] = {}

    @override
    async def run(self, stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                for account in await self._pool.run(callbacks.accounts_with_due, self._clock()):
                    if account not in self._serving:
                        self._serve(account, stop)
                self._report.works()
                await sleep(stop, LOOK_EVERY_S)
        finally:
            await asyncio.gather(*self._serving.values(), return_exceptions=True)

    def _serve(self, account: str, stop: asyncio.Event) -> None:
        task = asyncio.create_task(self._call_until_done(account, stop))
        self._serving[account] = task

        def end(_: object) -> None:
            del self._serving[account]
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("calls to the URL of %s wait: %s", account, in_words(error))

        task.add_done_callback(end)

    async def _call_until_done(self, account: str, stop: asyncio.Event) -> None:
        """Fill each slot again when its call has ended, until no call is due and none runs.

        Once `stop` is set, only ends what runs.
        """
        running: dict[int, asyncio.Task[None]] = {}
        made: list[int] = []
        try:
            while True:
                free = 0 if stop.is_set() else AT_ONCE - len(running)
                for one in await self._next(account, made, free):
                    # One of many posts may outlast its lease; it was only renewed now.
                    if one.id not in running:
                        running[one.id] = asyncio.create_task(self._call(account, one, made))
                if not running:
                    return
                # With slots free, calls that become due meanwhile are looked for, too.
                await asyncio.wait(
                    running.values(), timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED
                )
                for id_ in [id_ for id_, task in running.items() if task.done()]:
                    running.pop(id_).result()
        finally:
            if running:
                await asyncio.wait(running.values())
            await self._finish(made)

    async def _next(self, account: str, made: list[int], free: int) -> Sequence[TakenCallback]:
        """Delete the calls that were made, and take as many others as there are free slots."""
        await self._finish(made)
        if not free:
            return ()
        now = self._clock()
        return await self._pool.run(callbacks.take, account, now, lease=LEASE, limit=free)

    async def _finish(self, made: list[int]) -> None:
        """Delete the calls that were made, and empty the list. One made meanwhile stays in it."""
        if ids := list(made):
            await self._pool.run(callbacks.finish, ids)
            del made[: len(ids)]

    async def _call(self, account: str, one: TakenCallback, made: list[int]) -> None:
        """Make a call, and add it to `made` if the receiver took it."""
        sealed = [one.secret, *([one.previous_secret] if one.previous_secret else [])]
        opened = [self._sealer.open(each, secret_context(account)).decode() for each in sealed]
        try:
            for body, headers in self._posts(one, opened):
                await self._poster.post(one.url, body, headers, private_allowed=one.private_allowed)
        except CallbackFailed as failed:
            await self._postpone(account, one, failed)
        else:
            metrics.CALLBACKS.add(1, {"outcome": "taken"})
            made.append(one.id)

    def _posts(
        self, one: TakenCallback, secrets: Sequence[str]
    ) -> list[tuple[bytes, Mapping[str, str]]]:
        """Return the bodies to post, with their headers. `secrets` begins with the newest."""
        if one.form == SMSC:
            headers = {"Content-Type": MEDIA_TYPE}
            return [(body, headers) for body in smsc_bodies(self._sealer, one, secrets[0])]
        body = self._body(one)
        at = int(self._clock().timestamp())
        return [(body, signed_headers(secrets, str(one.callback_id), at, body))]

    def _body(self, one: TakenCallback) -> bytes:
        """Return the body to post. Numbers and text of a phone's text were sealed until now."""
        if one.sealed_text is None:
            return one.body.encode()
        content = TextContent.open(self._sealer, one.sealed_text, one.topic_id)
        told = from_json(one.body)
        told["data"] |= {"from": content.source, "to": content.destination, "text": content.text}
        return to_json(told)

    async def _postpone(self, account: str, one: TakenCallback, failed: CallbackFailed) -> None:
        now, error = self._clock(), str(failed)
        due_at = now + max(pause_after(one.attempts, self._chance()), failed.retry_after)
        is_dead = failed.is_final or due_at > one.created_at + GIVE_UP_AFTER
        dead_at = now if is_dead else None
        try:
            await self._pool.run(
                callbacks.postpone, one.id, due_at=due_at, error=error, dead_at=dead_at
            )
        except RetryableError:
            return  # it is due again after its lease
        metrics.CALLBACKS.add(1, {"outcome": "dead" if is_dead else "failed"})
        if is_dead:
            log.error(
                "a call to the URL of %s is given up%s: %s",
                *(account, "" if failed.is_final else " after three days", error),
            )
