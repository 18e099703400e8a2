"""`make chaos`: run a campaign of faults and print the balance as one JSON object.

The exit status is 1 when a guarantee broke; then the folder with data and logs is kept.
"""

import argparse
import asyncio
import json
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Final

from tests.chaos.balance import as_json
from tests.chaos.campaign import Load, run_campaign
from tests.chaos.machines.network import enter
from tests.chaos.schedule import FAULT_KINDS, KINDS_WITH_MACHINES, schedule

BROKEN_FILE: Final = "broken.txt"
LOG_FILE: Final = "campaign.log"
_LINES_SHOWN: Final = 50

log = logging.getLogger("tests.chaos")


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
    parser.add_argument(
        "--machines", type=int, choices=[1, 3], default=1, help="3: each with its network; as root"
    )
    options = parser.parse_args()
    has_machines = options.machines > 1
    if has_machines:
        enter()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    folder = options.keep or Path(tempfile.mkdtemp(prefix="scserv-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    configure_log(folder)
    log.info("seed %d, %d faults; data and logs are in %s", seed, options.faults, folder)
    plan = schedule(seed, KINDS_WITH_MACHINES if has_machines else FAULT_KINDS)
    if options.only:
        kinds = set(options.only.split(","))
        plan = (fault for fault in plan if fault.kind in kinds)
    faults = list(islice(plan, options.faults))
    load = Load(seed, options.people, options.per_second)
    result = asyncio.run(run_campaign(folder.resolve(), faults, load, on_machines=has_machines))
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
                "machines": options.machines,
                "faults": sum(result.faults.values()),
                **as_json(result.balance),
                "broken": result.balance.broken,
                "acknowledged_s": percentiles(result.latencies),
                "seconds": round(result.seconds),
                "faults_by_kind": result.faults,
            }
        )
    )
    sys.exit(1 if result.balance.broken else 0)


def percentiles(latencies: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum, in seconds."""
    ordered = sorted(latencies) or [0.0]
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)
        for name, share in shares.items()
    }


def configure_log(folder: Path) -> None:
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
