"""Which bind may carry a message: its own centre's, until that has been down too long."""

from typing import Any

import pytest

from inbound.gateway.sending_binds import FAILOVER_S, Downtime, SendingBind, SendingBinds
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import ResponsePdu
from streams.outbox.ports import BindPort, BindsPort


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Site:
    """BindsPort that never connect, and the state that each of them reports."""

    def __init__(self, *binds: str) -> None:
        self.clock = Clock()
        self._downtimes = {name: Downtime(self.clock) for name in binds}
        self._binds = {name: self._bind(name) for name in binds}
        self.binds = SendingBinds(list(self._binds.values()))

    def up(self, *names: str) -> None:
        self._note(EsmeState.BOUND, names)

    def down(self, *names: str) -> None:
        self._note(EsmeState.DOWN, names)

    def connecting(self, *names: str) -> None:
        self._note(EsmeState.CONNECTING, names)

    def _note(self, state: EsmeState, names: tuple[str, ...]) -> None:
        for name in names:
            self._downtimes[name].note(BindHealth(state, 0, state.value))

    def _bind(self, name: str) -> SendingBind:
        esme = Esme(BindSettings("127.0.0.1", 1, "client", "secret", window=10), _no_requests)
        centre = name.rpartition("-")[0]
        return SendingBind(name, centre, esme, self._downtimes[name], alphabet="gsm0338")


async def _no_requests(pdu: Any, _session: object) -> ResponsePdu:
    answer: ResponsePdu = pdu.answer()
    return answer


def test_the_senders_ports_are_filled() -> None:
    binds: BindsPort = Site("north-1").binds
    bind: BindPort = next(iter(binds))
    assert bind.name == "north-1"


def test_a_centre_is_stranded_only_after_a_while_without_any_bind() -> None:
    site = Site("north-1", "north-2", "south-1")
    site.up("north-1", "north-2", "south-1")
    site.down("north-1")
    site.clock.now += FAILOVER_S + 1
    assert site.binds.served_from("south") == ("south",)
    site.down("north-2")
    site.clock.now += FAILOVER_S - 1
    assert site.binds.served_from("south") == ("south",)
    site.clock.now += 1
    assert site.binds.served_from("south") == ("south", "north")
    site.up("north-1")
    assert site.binds.served_from("south") == ("south",)


def test_trying_to_connect_does_not_count_as_being_up() -> None:
    site = Site("north-1", "south-1")
    site.clock.now += FAILOVER_S / 2
    site.connecting("north-1")
    site.clock.now += FAILOVER_S / 2
    assert site.binds.is_stranded("north")


def test_a_message_goes_where_its_text_came_from_else_to_the_first_centre() -> None:
    binds = Site("north-1", "south-1").binds
    assert binds.centre_for("south") == "south"
    assert binds.centre_for("west") == binds.centre_for(None) == "north"


def test_the_window_of_a_centre_is_that_of_its_binds() -> None:
    assert Site("north-1", "north-2").binds.window("north") == 20


@pytest.mark.parametrize(("window", "bulk"), [(10, 9), (4, 3), (1, 1)])
async def test_bulk_messages_leave_a_share_of_the_window(window: int, bulk: int) -> None:
    settings = BindSettings("127.0.0.1", 1, "client", "secret", window=window)
    bind = SendingBind(
        "main-1", "main", Esme(settings, _no_requests), Downtime(), alphabet="gsm0338"
    )
    assert bind._most_bulk == bulk
