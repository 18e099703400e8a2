"""One campaign: faults under load, and the balance when everything is completed."""

import asyncio
import logging
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString

from inbound.smpp import alphabet
from inbound.smpp.segmentation import split
from tests.chaos.balance import Balance, balance, check_log
from tests.chaos.completion import count_open, wait_for_receipts, wait_until_completed
from tests.chaos.deployment import Deployment, open_deployment
from tests.chaos.fault_runner import FaultRunner
from tests.chaos.leaks import find_leaks, make_client
from tests.chaos.machines.deployment import open_machines
from tests.chaos.machines.faults import MachineFaults
from tests.chaos.order_balance import balance_orders, is_of_order
from tests.chaos.orders import OrderTraffic
from tests.chaos.schedule import PlannedFault
from tests.chaos.server_faults import ServerFaults
from tests.chaos.smpp_program import SmppProgram
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.chaos.traffic import Traffic
from tests.fix_service import Event
from tests.patience import PATIENCE_S

_UNANSWERED: Final = 100
"""PDUs that may be unanswered when another fault begins: those of about 7 seconds."""
_OPEN: Final = 900
"""Requests that may be open when another fault begins: those of about a minute."""

log = logging.getLogger("tests.chaos")

_ACKNOWLEDGEMENT_LATENCIES: LiteralString = """
    SELECT extract(epoch FROM submitted.recorded_at - mo.heard_at)
    FROM events accepted JOIN events submitted USING (stream_id),
        LATERAL (SELECT (accepted.data->'arrival'->>'heard_at')::timestamptz AS heard_at) mo
    WHERE accepted.type = 'request.accepted' AND submitted.type = 'message.submitted'
        AND submitted.data->>'request_id' = accepted.data->>'request_id'
        AND submitted.data->>'purpose' = 'acknowledgement' AND mo.heard_at IS NOT NULL
"""
"""Seconds from deliver_sm to `message.submitted`, by the database's clock, which is not stepped."""

_AFTER_STOP: LiteralString = """
    SELECT sent.data->>'order_id', switched.recorded_at
    FROM events sent JOIN mt_claims claim
        ON claim.message_id = (sent.data->>'message_id')::uuid
        AND claim.attempt = (sent.data->>'attempt')::integer,
        LATERAL (SELECT type, recorded_at FROM events
            WHERE stream_id = sent.stream_id AND recorded_at < claim.claimed_at
                AND type IN ('subscription.stopped', 'subscription.started')
            ORDER BY version DESC LIMIT 1) switched
    WHERE sent.type = 'message.submitted' AND sent.data->>'order_id' IS NOT NULL
        AND switched.type = 'subscription.stopped'
        AND switched.recorded_at < claim.claimed_at - interval '20 seconds'
        AND NOT EXISTS (SELECT FROM events again
            WHERE again.stream_id = sent.stream_id AND again.version < sent.version
                AND again.type = 'subscription.started' AND again.recorded_at >= claim.claimed_at)
"""
"""Orders whose message was claimed after a `stop` and submitted. A stop counts 20 s after its
transaction began: its worker may have been halted before it committed. An old claim is checked
again before it is used, so a `start` between the claim and the result makes the submit right."""


@dataclass(frozen=True, slots=True)
class Load:
    """Who texts: so many clients, so many texts a second, as the seed decides; and who else sends.

    Orders come over HTTP and Kafka, submits over SMPP.
    """

    seed: int
    people: int
    per_second: float
    orders_per_second: float = 3.0
    submits_per_second: float = 2.0
    broadcast_every_s: float = 60.0


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """The balance, the faults by kind, acknowledgement latencies and duration in seconds."""

    balance: Balance
    faults: Counter[str]
    latencies: list[float]
    seconds: float


During = Callable[[Deployment], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def _open_runner(folder: Path, *, on_machines: bool) -> AsyncIterator[FaultRunner]:
    if on_machines:
        async with open_machines(folder) as machines:
            yield MachineFaults(machines)
    else:
        async with open_deployment(folder) as deployment:
            yield ServerFaults(deployment)


async def run_campaign(
    folder: Path,
    faults: Iterable[PlannedFault],
    load: Load,
    *,
    on_machines: bool,
    during: During = nullcontext,
) -> CampaignResult:
    """Run one campaign and return its result. Servers and roles are stopped afterwards.

    `during` is entered before the first fault and left after the last one.
    """
    started = time.monotonic()
    async with _open_runner(folder, on_machines=on_machines) as runner:
        deployment = runner.deployment
        clients = [make_client(number) for number in range(load.people)]
        deployment.import_clients(clients)
        traffic = Traffic(
            clients, deployment.deliver_home, random.Random(load.seed), load.per_second
        )
        numbers = [client.number for client in clients]
        orders = OrderTraffic(
            deployment,
            numbers,
            random.Random(load.seed),
            load.orders_per_second,
            load.broadcast_every_s,
        )
        await orders.prepare()
        program = SmppProgram(
            deployment, numbers, random.Random(load.seed), load.submits_per_second
        )
        await program.prepare()
        sending = asyncio.create_task(traffic.run())
        ordering = asyncio.create_task(orders.run())
        submitting = asyncio.create_task(program.run())

        def report(fault: PlannedFault) -> None:
            log.info("%s (%d texts unanswered)", fault, traffic.unanswered)

        async def recovered() -> None:
            # Processes start slowly on a busy machine: without this, faults would come faster
            # than any of them could start. A service that stands still fails the campaign.
            async with asyncio.timeout(PATIENCE_S):
                await traffic.wait_until_few(_UNANSWERED)
                while await count_open(deployment) > _OPEN:
                    # Or a slow machine never works them off.
                    traffic.is_paused = orders.is_paused = program.is_paused = True
                    await asyncio.sleep(0.5)
                traffic.is_paused = orders.is_paused = program.is_paused = False

        async with during(deployment):
            await runner.run(faults, recovered, report)
        sending.cancel()
        orders.stop()
        program.stop()
        await runner.undo()
        log.info("all faults have ended; waiting until every request and order is completed")
        await wait_until_completed(deployment, traffic, ordering, program)
        await wait_for_receipts(deployment)
        submitting.cancel()
        await asyncio.wait([submitting])
        log.info("comparing accepted messages with the event store")
        result = _balance(deployment, traffic, orders, program)
        log.info("verifying the event log and its projections")
        for command in (("log", "verify"), ("projections", "verify")):
            status, output = await deployment.scserv(*command)
            if status:
                figure = "log_gaps" if command[0] == "log" else "projections_differ"
                result.say(figure, 1, f"scserv {' '.join(command)}: {output}")
        latencies = [float(latency) for (latency,) in deployment.rows(_ACKNOWLEDGEMENT_LATENCIES)]
        log.info("searching for leaked secrets and numbers")
        await deployment.save_outputs(clients[0].number)
        await deployment.stop_all()
        for place in await asyncio.to_thread(lambda: list(find_leaks(deployment))):
            result.say("leaks", 1, place)
        return CampaignResult(result, runner.finished, latencies, time.monotonic() - started)


def _balance(
    deployment: Deployment, traffic: Traffic, orders: OrderTraffic, program: SmppProgram
) -> Balance:
    streams: dict[str, list[Event]] = defaultdict(list)
    versions: dict[str, list[int]] = defaultdict(list)
    positions = []
    hasher = deployment.hasher
    subjects = dict(deployment.rows("SELECT subject_id, number_hash FROM subjects"))
    numbers = {hasher.hash(one.client.number): one.client.number for one in traffic.clients}
    for event in deployment.events():
        positions.append(event.position)
        versions[str(event.stream_id)].append(event.version)
        streams[numbers[subjects[event.stream_id]]].append(event)
    parts = {one.client.number: _parts(one.client.registration) for one in traffic.clients}
    placed = [*orders.placed, *program.placed()]
    ordered = {one.text for one in placed} | {*orders.broadcasts.values()} | program.texts()
    replies, messages = _split_by(deployment.smsc_faults.accepted, lambda one: one.text in ordered)
    without = {
        number: [event for event in events if not is_of_order(event)]
        for number, events in streams.items()
    }
    result = balance(traffic.clients, replies, without, parts)
    balance_orders(result, placed, orders.broadcasts, messages, streams)
    for order_id, stopped_at in deployment.rows(_AFTER_STOP):
        result.say("after_stop", 1, f"order {order_id}, switched off at {stopped_at}")
    program.check(result)
    check_log(result, positions, versions)
    rejections = traffic.rejections
    result.say("lost", len(rejections), f"texts were rejected for good: {set(rejections)}")
    return result


def _split_by(
    submits: Iterable[AcceptedSubmit], is_second: Callable[[AcceptedSubmit], bool]
) -> tuple[list[AcceptedSubmit], list[AcceptedSubmit]]:
    found: tuple[list[AcceptedSubmit], list[AcceptedSubmit]] = ([], [])
    for one in submits:
        found[is_second(one)].append(one)
    return found


def _parts(text: str) -> list[str]:
    return [
        alphabet.decode(segment.short_message[6:], segment.data_coding) or ""
        for segment in split(text)
    ]
