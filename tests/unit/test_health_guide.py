"""Every check that a process reports is in the table of the operator's guide, and no other."""

import re
from itertools import chain
from pathlib import Path

from inbound.gateway import backlog, result_watch
from inbound.ingress.smpp import wiring as smpp_server
from inbound.kafka import availability
from inbound.scheduler import wiring as scheduler
from inbound.store import database_watch

ROOT = Path(__file__).parents[2]
LITERAL = re.compile(r"""(?:health\.(?:set|beat)|_dead_letters)\((?:[\w.]+, )?"([a-z ]+)"[,)]""")
NAMED = re.compile(r'partial\(self\._report, "([a-z]+)"\)|check: str = "([a-z ]+)"')
LOOPS = (scheduler.ORDERS, scheduler.BROADCASTS, scheduler.CALLBACKS)


def checks() -> set[str]:
    """Return the names of all checks but those of `scserv up`, which has no role."""
    files = chain((ROOT / "inbound").rglob("*.py"), (ROOT / "streams").rglob("*.py"))
    text = "\n".join(path.read_text("utf-8") for path in files if path.parent.name != "local")
    found = {*LITERAL.findall(text), *("".join(both) for both in NAMED.findall(text))}
    found |= {availability.CHECK, database_watch.CHECK, database_watch.KEY_CHECK, backlog.CHECK}
    found |= {result_watch.CHECK, result_watch.HEARTBEAT, smpp_server.SMPP}
    return found | set(LOOPS) | {f"{name} loop" for name in LOOPS}


def test_the_guide_has_every_check_and_no_other() -> None:
    guide = (ROOT / "docs/OPERATORS.md").read_text("utf-8")
    _, _, table = guide.partition("| process | check | when it fails |\n")
    rows = table.partition("\n\n")[0].splitlines()[1:]
    told = {name for row in rows for name in re.findall(r"`([a-z .]+)`", row.split("|")[2])}
    existing = {"dead letters of ..." if " of " in name else name for name in checks()}
    assert existing == told
