"""Reports where one bind's SMS centre deviates from the specification, and how we read it.

Every leniency is counted, tolerated or refused. The first of each kind is logged, once for the
life of the process, so that an operator can forward the line to the centre's support desk. No
line contains a number or a text.
"""

import logging
import re
from typing import Final

from inbound.ops import metrics
from inbound.smpp.leniency import Leniency, Treatment
from inbound.smpp.pdu import Pdu

log = logging.getLogger(__name__)

_DID: Final = {
    Treatment.TOLERATED: "What we did",
    Treatment.REFUSED: "We refused it, as this bind is strict",
}
_CAPITAL: Final = re.compile("(?<!^)(?=[A-Z])")


class LeniencyReport:
    """Counts and logs the leniencies of one bind."""

    def __init__(self, centre: str, bind: str) -> None:
        self._centre = centre
        self._bind = bind
        self._logged: set[tuple[Leniency, Treatment]] = set()

    def note_pdu(self, pdu: Pdu, treatment: Treatment) -> None:
        """Note the leniencies in parsing a PDU; count a PDU that was ignored."""
        if treatment is Treatment.IGNORED:
            metrics.BIND_IGNORED.add(1, {"bind": self._bind})
            return
        for leniency in pdu.leniencies:
            self.note(leniency, pdu, treatment)

    def note(self, leniency: Leniency, pdu: Pdu, treatment: Treatment) -> None:
        """Count a leniency; log it if it is the first of its kind on this bind."""
        kind = {"kind": leniency.label, "outcome": treatment.value}
        metrics.BIND_LENIENCIES.add(1, {"bind": self._bind} | kind)
        if (leniency, treatment) in self._logged:
            return
        self._logged.add((leniency, treatment))
        log.warning(
            "bind %s: SMS centre %s deviates from %s: %s (%s, sequence_number %d). %s: %s. This is "
            'logged once per bind; scserv.bind.leniencies counts it as kind="%s", outcome="%s"',
            self._bind,
            self._centre,
            leniency.specification,
            leniency.deviation,
            _CAPITAL.sub("_", type(pdu).__name__).lower(),
            pdu.sequence,
            _DID[treatment],
            leniency.consequence(treatment),
            leniency.label,
            treatment.value,
        )
