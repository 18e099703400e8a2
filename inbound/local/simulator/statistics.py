"""The simulator's counters as one line of text."""

from inbound.local.simulator.ledger import PduLedger
from inbound.local.simulator.settings import SimulatorStats
from inbound.smpp.status import name_of


def line_of(stats: SimulatorStats, ledger: PduLedger, *, links: int, waiting: int) -> str:
    """Return the line. Errors are counted by name, the most frequent first."""
    counts = ledger.counts
    errors = ", ".join(
        f"{name_of(status)} {times}"
        for (what, status), times in ledger.statuses.most_common()
        if what == "submit_sm_resp"
    )
    answers = f"answered {counts['submit_sm_resp']}" + (f": {errors}" if errors else "")
    words = [
        f"links {links}",
        f"submit_sm {counts['submit_sm']} ({answers})",
        f"deliver_sm {counts['deliver_sm']} (answered {counts['deliver_sm_resp']})",
        f"receipts {counts['receipt']} (answered {counts['receipt_resp']})",
        f"waiting {waiting}",
        f"dropped {stats.dropped}",
        f"faults {counts['fault']}",
    ]
    return "; ".join(words)
