"""The status of binds: for operators, for metrics, and for the health of the gateway."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from inbound.gateway.running_bind import RunningBind
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.settings import SmppSettings
from inbound.smpp.bind_health import BindHealth, EsmeState
from schemas.lanes import Lane

log = logging.getLogger(__name__)

OldestWaiting = Callable[[str], Mapping[str, float]]
"""Returns how long the first message for a centre has waited, in seconds, by lane."""


class Readiness:
    """Reports the health condition `bind`: at least one bind can receive, and one can submit.

    A gateway that has only transmitters receives nothing, and is ready without.
    """

    def __init__(self, health: Health, binds: Sequence[SmppSettings]) -> None:
        self._health = health
        self._binds = binds
        self._states: dict[str, BindHealth] = {}
        self._receives = any(bind.receives for bind in binds)
        if not self._receives:
            log.warning(
                "no bind of this gateway receives: texts and delivery receipts stay with the SMS "
                "centre until a gateway has a transceiver or a receiver"
            )
        health.set("bind", ok=False, reason="no bind was tried yet")

    def note(self, bind: str, state: BindHealth) -> None:
        """Take note of a bind's new state."""
        self._states[bind] = state
        bound = [each for each in self._binds if self._is_bound(each)]
        receives = any(each.receives for each in bound) or not self._receives
        ready = receives and any(each.sends for each in bound)
        reasons = "; ".join(
            f"{each.bind} to {each.host}:{each.port}: {self._states[each.bind].reason}"
            for each in self._binds
            if each.bind in self._states and not self._is_bound(each)
        )
        self._health.set("bind", ok=ready, reason=reasons)

    def _is_bound(self, bind: SmppSettings) -> bool:
        state = self._states.get(bind.bind)
        return state is not None and state.state is EsmeState.BOUND


def status_of(bind: RunningBind, oldest_waiting_s: OldestWaiting) -> dict[str, Any]:
    """Return the status of a bind for operators: JSON, without secrets."""
    settings, health = bind.settings, bind.esme.health
    session = bind.esme.session
    sending = bind.sending
    return {
        "centre": settings.centre,
        "address": f"{settings.host}:{settings.port}",
        "type": settings.type,
        "state": health.state.value,
        "since": datetime.fromtimestamp(health.since, UTC).isoformat(timespec="seconds"),
        "reason": health.reason,
        "rate": bind.share.current,
        "window": settings.window,
        "in_flight": session.unanswered if session is not None else 0,
        "throttles": sending.throttles if sending else 0,
        "oldest_waiting_s": dict(oldest_waiting_s(settings.centre)) if sending else {},
    }


def record_metrics(bind: str, status: Mapping[str, Any]) -> None:
    """Set the metrics of a bind from its status."""
    metrics.BIND_UP.set(int(status["state"] == EsmeState.BOUND.value), {"bind": bind})
    metrics.BIND_IN_FLIGHT.set(status["in_flight"], {"bind": bind})
    metrics.BIND_RATE.set(status["rate"], {"bind": bind})
    for lane in Lane:
        age_s = status["oldest_waiting_s"].get(lane.label, 0.0)
        metrics.LANE_OLDEST_AGE.set(age_s, {"smsc": status["centre"], "lane": lane.label})
