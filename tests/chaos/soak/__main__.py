"""`make soak HOURS=2`: mixed load with a fault a minute, then a balance, and whether all is flat.

Texts, orders over HTTP and Kafka, a program over SMPP, and a broadcast now and then. Prints one
JSON object; the exit status is 1 unless every guarantee held and every figure is flat. What it says
about a soak that runs: `python -m tests.chaos.soak --read FOLDER/samples.ndjson`.
"""

import argparse
import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from inbound.terminal import echo
from tests.chaos.__main__ import configure_log, log, percentiles
from tests.chaos.balance import as_json
from tests.chaos.campaign import CampaignResult, Load, run_campaign
from tests.chaos.deployment import Deployment, OneMachine
from tests.chaos.schedule import PlannedFault
from tests.chaos.soak.plan import SERVERS_LIVE_FROM, plan, spare_servers
from tests.chaos.soak.samples import FILE, Sampler, read_samples
from tests.chaos.soak.verdict import Figure, figures

_SAMPLES: Final = 240
_SAMPLE_LEAST_S, _SAMPLE_MOST_S = 5.0, 60.0
_WARM_UP_SHARE: Final = 0.1
_WARM_UP_MOST_S: Final = 1_800.0
_BROADCAST_EVERY_S: Final = 600.0
_ORDERS, _SUBMITS = 1 / 3, 1 / 3
"""Orders, and messages over SMPP, for each text."""


def main() -> None:
    """Run the soak; exit with status 1 unless all guarantees held and all figures are flat."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=None, help="seed of the faults; or random")
    parser.add_argument("--per-second", type=float, default=3.0, help="texts per second")
    parser.add_argument("--read", type=Path, help="only say what these samples show")
    options = parser.parse_args()
    if options.read:
        for one in _figures(options.read):
            echo(str(one))
        return
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    folder = Path(tempfile.mkdtemp(prefix="scserv-soak-")).resolve()
    configure_log(folder)
    log.info("seed %d, %g hours; samples are in %s", seed, options.hours, folder / FILE)
    load = Load(
        seed,
        people=100,
        per_second=options.per_second,
        orders_per_second=options.per_second * _ORDERS,
        submits_per_second=options.per_second * _SUBMITS,
        broadcast_every_s=_BROADCAST_EVERY_S,
    )
    result, failure = _soak(folder, load, options.hours * 3600)
    found = _figures(folder / FILE)
    for one in found:
        log.info("%s", one)
    said = {"seed": seed, "hours": options.hours, **_said(result, found), "failure": failure}
    echo(json.dumps(said))
    is_good = not (failure or said["broken"] or said["grew"] or said["not_judged"]) and found
    if is_good:
        for name in ("kafka", "postgres"):
            shutil.rmtree(folder / name)
        (folder / "telemetry").unlink()
    sys.exit(0 if is_good else 1)


def _soak(folder: Path, load: Load, lasts_s: float) -> tuple[CampaignResult | None, str]:
    """Return the result of the campaign, or None and why it failed: its samples count anyway."""

    @asynccontextmanager
    async def sampled(deployment: Deployment) -> AsyncIterator[None]:
        assert isinstance(deployment, OneMachine)
        every_s = min(_SAMPLE_MOST_S, max(_SAMPLE_LEAST_S, lasts_s / _SAMPLES))
        async with asyncio.TaskGroup() as group:
            sampling = group.create_task(Sampler(deployment, every_s).run())
            yield
            sampling.cancel()

    faults = _until_over(load.seed, lasts_s)
    try:
        campaign = run_campaign(folder, faults, load, on_machines=False, during=sampled)
        return asyncio.run(campaign), ""
    # The samples of hours say something whatever ended them.
    except (Exception, KeyboardInterrupt, pytest.fail.Exception) as error:  # noqa: BLE001
        log.exception("the soak failed")
        return None, f"{type(error).__name__}: {error}"


def _until_over(seed: int, lasts_s: float) -> Iterator[PlannedFault]:
    """Yield faults until the time is over. One that waits for the service delays the others."""
    began = time.monotonic()
    for fault in plan(seed):
        share = (time.monotonic() - began) / lasts_s
        if share >= 1:
            return
        yield spare_servers(fault) if share >= SERVERS_LIVE_FROM else fault


def _figures(path: Path) -> list[Figure]:
    samples = read_samples(path) if path.exists() else []
    lasted_s = samples[-1].at_s if samples else 0.0
    return figures(samples, min(_WARM_UP_MOST_S, _WARM_UP_SHARE * lasted_s))


def _said(result: CampaignResult | None, found: list[Figure]) -> dict[str, Any]:
    said: dict[str, Any] = {"broken": []}
    if result:
        for line in result.balance.what:
            log.info("%s", line)
        said = {
            "faults": sum(result.faults.values()),
            **as_json(result.balance),
            "broken": result.balance.broken,
            "acknowledged_s": percentiles(result.latencies),
        }
    return said | {
        "grew": [one.name for one in found if one.verdict == "grew"],
        "not_judged": [one.name for one in found if one.verdict == "not judged"],
        "figures": {one.name: one.as_json() for one in found},
    }


if __name__ == "__main__":
    main()
