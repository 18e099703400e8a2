"""`make chaos`: run a campaign of faults and print the balance as one JSON object.

The exit status is 1 when a guarantee broke; then the folder with data and logs is kept.
"""

import argparse
import asyncio
import json
import logging
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import LiteralString

import psycopg

from inbound.keys import SubjectHasher
from inbound.smpp import alphabet
from inbound.smpp.segmentation import split
from tests.chaos.balance import Balance, as_json, balance, check_log
from tests.chaos.deployment import Deployment, open_deployment
from tests.chaos.fault_runner import FaultRunner
from tests.chaos.leaks import find_leaks, make_client
from tests.chaos.order_balance import balance_orders, is_of_order
from tests.chaos.orders import OrderTraffic
from tests.chaos.schedule import PlannedFault, schedule
from tests.chaos.smpp_program import SmppProgram
from tests.chaos.smsc_faults import AcceptedSubmit
from tests.chaos.traffic import Traffic
from tests.fix_service import SUBJECT_KEY, Event, eventually
from tests.patience import PATIENCE_S

BROKEN_FILE = "broken.txt"
LOG_FILE = "campaign.log"
_LINES_SHOWN = 50
_RECEIPTS_S = 20.0
_UNANSWERED = 100
"""PDUs that may be unanswered when another fault begins: those of about 7 seconds."""
_OPEN = 900
"""Requests that may be open when another fault begins: those of about a minute."""
_COUNT_WITHIN_S = 2.0
_ORDERS_PER_SECOND = 3.0
_SUBMITS_PER_SECOND = 2.0

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

_OPEN_REQUESTS: LiteralString = """
    SELECT count(*) FILTER (WHERE type = 'request.accepted')
        - count(*) FILTER (WHERE type = 'request.completed') FROM events
"""


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
class CampaignResult:
    """The balance, the faults by kind, acknowledgement latencies and duration in seconds."""

    balance: Balance
    faults: Counter[str]
    latencies: list[float]
    seconds: float


def main() -> None:
    """Run the campaign; exit with status 1 when a guarantee broke."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that kill ends the servers, too
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="seed of the schedule; or random")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--people", type=int, default=100, help="clients who text, 100 at most")
    parser.add_argument("--per-second", type=float, default=15.0, help="texts per second")
    parser.add_argument("--keep", type=Path, help="folder for data and logs, kept in any case")
    parser.add_argument("--only", help="kinds of faults, separated by commas; default: all")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    folder = options.keep or Path(tempfile.mkdtemp(prefix="scserv-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    _configure_log(folder)
    log.info("seed %d, %d faults; data and logs are in %s", seed, options.faults, folder)
    plan = schedule(seed)
    if options.only:
        kinds = set(options.only.split(","))
        plan = (fault for fault in plan if fault.kind in kinds)
    faults = list(islice(plan, options.faults))
    result = asyncio.run(
        run_campaign(folder.resolve(), seed, faults, options.people, options.per_second)
    )
    for line in result.balance.what[:_LINES_SHOWN]:
        log.info("%s", line)
    (folder / BROKEN_FILE).write_text("\n".join(result.balance.what), "utf-8")
    if result.balance.broken:
        log.info("broken; all lines are in %s, see CONTRIBUTING.md", folder / BROKEN_FILE)
    elif not options.keep:
        shutil.rmtree(folder)
    print(
        json.dumps(
            {
                "seed": seed,
                "faults": sum(result.faults.values()),
                **as_json(result.balance),
                "broken": result.balance.broken,
                "acknowledged_s": _percentiles(result.latencies),
                "seconds": round(result.seconds),
                "faults_by_kind": result.faults,
            }
        )
    )
    sys.exit(1 if result.balance.broken else 0)


async def run_campaign(
    folder: Path, seed: int, faults: list[PlannedFault], people: int, per_second: float
) -> CampaignResult:
    """Run one campaign and return its result. Servers and roles are stopped afterwards."""
    started = time.monotonic()
    async with open_deployment(folder) as deployment:
        clients = [make_client(number) for number in range(people)]
        deployment.import_clients(clients)
        traffic = Traffic(clients, deployment.deliver_home, random.Random(seed), per_second)
        numbers = [client.number for client in clients]
        orders = OrderTraffic(deployment, numbers, random.Random(seed), _ORDERS_PER_SECOND)
        await orders.prepare()
        program = SmppProgram(deployment, numbers, random.Random(seed), _SUBMITS_PER_SECOND)
        await program.prepare()
        runner = FaultRunner(deployment)
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
                while await _count_open(deployment) > _OPEN:
                    # Or a slow machine never works them off.
                    traffic.is_paused = orders.is_paused = program.is_paused = True
                    await asyncio.sleep(0.5)
                traffic.is_paused = orders.is_paused = program.is_paused = False

        await runner.run(faults, recovered, report)
        sending.cancel()
        orders.stop()
        program.stop()
        await runner.undo()
        log.info("all faults have ended; waiting until every request and order is completed")
        await _wait_until_completed(deployment, traffic, ordering, program)
        await _wait_for_receipts(deployment)
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


async def _wait_until_completed(
    deployment: Deployment, traffic: Traffic, ordering: asyncio.Task[None], program: SmppProgram
) -> None:
    """Wait until all texts and orders are answered and completed, or the time is up."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ordering
            await traffic.wait_until_answered()
        await eventually(lambda: program.is_answered, lambda: "submit_sm are not answered")
        texts = sum(text.accepted_at is not None for one in traffic.clients for text in one.texts)
        # Count requests too: a worker that has just restarted has not read all texts, so no
        # request is open yet.
        await eventually(
            lambda: _accepted_requests(deployment) >= texts and _open_requests(deployment) == 0,
            lambda: (
                f"{_accepted_requests(deployment)} of {texts} texts became requests, of which "
                f"{_open_requests(deployment)} are open"
            ),
        )
        await eventually(
            lambda: _open_orders(deployment) == 0 and _running_broadcasts(deployment) == 0,
            lambda: f"{_open_orders(deployment)} orders wait",
        )
    except BaseException as error:  # pytest.fail raises no Exception
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            raise
        log.info("not everything was completed: %s", error)


async def _wait_for_receipts(deployment: Deployment) -> None:
    """Wait a while until every submitted message is reported as delivered.

    Some never are: a malformed answer may have had no message id.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_RECEIPTS_S):
            while await asyncio.to_thread(_unreported, deployment):  # noqa: ASYNC110 — a database
                await asyncio.sleep(0.5)


def _unreported(deployment: Deployment) -> int:
    """Return how many messages are not reported, and receipts wait for the program."""
    found: int = deployment.value(
        "SELECT count(DISTINCT data->>'message_id') FILTER (WHERE type = 'message.submitted')"
        " - count(DISTINCT data->>'message_id') FILTER (WHERE type = 'message.delivered')"
        " + (SELECT count(*) FROM smpp_deliveries) FROM events"
    )
    return found


def _accepted_requests(deployment: Deployment) -> int:
    found: int = deployment.value("SELECT count(*) FROM events WHERE type = 'request.accepted'")
    return found


def _open_requests(deployment: Deployment) -> int:
    found: int = deployment.value(_OPEN_REQUESTS)
    return found


def _open_orders(deployment: Deployment) -> int:
    found: int = deployment.value(
        "SELECT count(*) FROM orders WHERE state IN ('queued', 'scheduled')"
    )
    return found


def _running_broadcasts(deployment: Deployment) -> int:
    found: int = deployment.value("SELECT count(*) FROM broadcasts WHERE state = 'running'")
    return found


async def _count_open(deployment: Deployment) -> int:
    """Return the number of open requests; 0 if PostgreSQL doesn't say, as outages may overlap."""
    try:
        async with asyncio.timeout(_COUNT_WITHIN_S):
            connection = await psycopg.AsyncConnection.connect(deployment.database_url)
            async with connection:
                cursor = await connection.execute(_OPEN_REQUESTS)
                found: tuple[int] | None = await cursor.fetchone()
                return found[0] if found else 0
    except (psycopg.OperationalError, TimeoutError):
        return 0


def _balance(
    deployment: Deployment, traffic: Traffic, orders: OrderTraffic, program: SmppProgram
) -> Balance:
    streams: dict[str, list[Event]] = defaultdict(list)
    versions: dict[str, list[int]] = defaultdict(list)
    positions = []
    hasher = SubjectHasher(SUBJECT_KEY)
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


def _percentiles(latencies: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum, in seconds."""
    ordered = sorted(latencies) or [0.0]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)
        for name, share in shares.items()
    }


def _configure_log(folder: Path) -> None:
    """Log to standard error and to the folder, in UTC; standard output has the balance only."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(message)s", "%H:%M:%S")
    formatter.converter = time.gmtime
    for handler in (logging.StreamHandler(), logging.FileHandler(folder / LOG_FILE)):
        handler.setFormatter(formatter)
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    # A broker that is away is a fault of ours, and no news.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    logging.getLogger("aiokafka").propagate = False


if __name__ == "__main__":
    main()
