"""`make chaos`: run a campaign and print the balance as one JSON object.

The exit status is 1 when a guarantee broke; then the folder with logs and books stays.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import LiteralString

from inbound.keys import SubjectHasher
from inbound.smpp import alphabet
from inbound.smpp.segmentation import split
from tests.chaos.balance import Balance, as_json, balance, check_log
from tests.chaos.leaks import leaks, marked
from tests.chaos.people import People
from tests.chaos.plan import Planned, schedule
from tests.chaos.strikes import Striker
from tests.chaos.world import World, open_world
from tests.fix_service import SUBJECT_KEY, Event, eventually
from tests.patience import PATIENCE_S

_WAITS: LiteralString = """
    SELECT extract(epoch FROM told.recorded_at - heard.at)
    FROM events accepted JOIN events told USING (stream_id),
        LATERAL (SELECT (accepted.data->'arrival'->>'heard_at')::timestamptz AS at) heard
    WHERE accepted.type = 'request.accepted' AND told.type = 'message.submitted'
        AND told.data->>'request_id' = accepted.data->>'request_id'
        AND told.data->>'purpose' = 'acknowledgement' AND heard.at IS NOT NULL
"""
"""From deliver_sm to the event of the submit_sm_resp, by the database's clock: no step moves it."""


def main() -> None:
    """Run the campaign; exit with 1 when a guarantee broke."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of the schedule; else at random")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--people", type=int, default=100, help="at most 100")
    parser.add_argument("--per-second", type=float, default=15.0, help="texts")
    parser.add_argument("--keep", type=Path, help="folder for data and logs, kept afterwards")
    parser.add_argument("--only", help="kinds of faults, separated by commas; else all")
    options = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    folder = options.keep or Path(tempfile.mkdtemp(prefix="scserv-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"seed {seed}, {options.faults} faults; everything is in {folder}")
    plan = schedule(seed)
    if options.only:
        kinds = set(options.only.split(","))
        plan = (fault for fault in plan if fault.kind in kinds)
    faults = list(islice(plan, options.faults))
    result, struck, waits, seconds = asyncio.run(
        campaign(folder.resolve(), seed, faults, options.people, options.per_second)
    )
    for line in result.what[:50]:
        say(line)
    (folder / "broken.txt").write_text("\n".join(result.what), "utf-8")
    if not result.broken and not options.keep:
        shutil.rmtree(folder)
    print(
        json.dumps(
            {
                "seed": seed,
                "faults": sum(struck.values()),
                **as_json(result),
                "broken": result.broken,
                "acknowledged_s": _spread(waits),
                "seconds": round(seconds),
                "struck": struck,
            }
        )
    )
    sys.exit(1 if result.broken else 0)


async def campaign(
    folder: Path, seed: int, faults: list[Planned], people: int, per_second: float
) -> tuple[Balance, Counter[str], list[float], float]:
    """Run one campaign to its balance; return what struck, and how long each waited, too."""
    started = time.monotonic()
    async with open_world(folder) as world:
        clients = [marked(number) for number in range(people)]
        world.import_clients(clients)
        crowd = People(clients, world.deliver, random.Random(seed), per_second)
        striker = Striker(world)
        living = asyncio.create_task(crowd.live())

        def tell(fault: Planned) -> None:
            at = time.monotonic() - started
            say(f"{at:7.1f} s  {fault}  ({crowd.waiting} texts wait)")

        await striker.run(faults, tell)
        living.cancel()
        await striker.heal()
        say("the faults are over; everything has to come to its end now")
        await _settle(world, crowd)
        say("balancing the books")
        result = _balance(world, crowd)
        say("holding the log and its projections against each other")
        for command in (("log", "verify"), ("projections", "verify")):
            status, output = await world.scserv(*command)
            if status:
                figure = "log_gaps" if command[0] == "log" else "projections_differ"
                result.say(figure, 1, f"scserv {' '.join(command)}: {output}")
        waits = [float(wait) for (wait,) in world.rows(_WAITS)]
        say("looking for canaries")
        await world.say_everything(clients[0].number)
        await world.stop_all()
        for what in await asyncio.to_thread(lambda: list(leaks(world))):
            result.say("leaks", 1, what)
        return result, striker.struck, waits, time.monotonic() - started


async def _settle(world: World, crowd: People) -> None:
    """Wait until every text is answered and every request has its end, or the time is over."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await crowd.answered()
        texted = sum(text.accepted_at is not None for p in crowd.people for text in p.texts)
        # A worker that is just coming back has not seen them all: then none is open yet.
        await eventually(
            lambda: _accepted(world) >= texted and _open_requests(world) == 0,
            lambda: f"{_accepted(world)} of {texted} texts made a request, and some are open",
        )
    except (TimeoutError, BaseException) as error:
        if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
            raise
        say(f"not everything came to its end: {error}")


def _accepted(world: World) -> int:
    found: int = world.value("SELECT count(*) FROM events WHERE type = 'request.accepted'")
    return found


def _open_requests(world: World) -> int:
    found: int = world.value(
        "SELECT count(*) FILTER (WHERE type = 'request.accepted')"
        " - count(*) FILTER (WHERE type = 'request.completed') FROM events"
    )
    return found


def _balance(world: World, crowd: People) -> Balance:
    streams: dict[str, list[Event]] = defaultdict(list)
    versions: dict[str, list[int]] = defaultdict(list)
    positions = []
    hasher = SubjectHasher(SUBJECT_KEY)
    subjects = dict(world.rows("SELECT subject_id, number_hash FROM subjects"))
    numbers = {hasher.hash(p.client.number): p.client.number for p in crowd.people}
    for event in world.events():
        positions.append(event.position)
        versions[str(event.stream_id)].append(event.version)
        streams[numbers[subjects[event.stream_id]]].append(event)
    parts = {p.client.number: _parts(p.client.registration) for p in crowd.people}
    result = balance(crowd.people, world.weather.taken, streams, parts)
    check_log(result, positions, versions)
    result.say("lost", len(crowd.refused), f"texts were refused for good: {set(crowd.refused)}")
    return result


def _parts(text: str) -> list[str]:
    return [
        alphabet.decode(segment.short_message[6:], segment.data_coding) or ""
        for segment in split(text)
    ]


def _spread(waits: list[float]) -> dict[str, float]:
    """Return seconds until the acknowledgement: median, 99th percentile and longest."""
    ordered = sorted(waits) or [0.0]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)
        for name, share in shares.items()
    }


def say(line: str) -> None:
    """Tell whoever watches; the balance alone goes to standard output."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
