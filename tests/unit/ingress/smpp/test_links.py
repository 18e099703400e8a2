"""The links of accounts: how many, how fast, and which one receives."""

from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from inbound.ingress.smpp.links import AccountLinks, AccountPace
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.pdu import BindPdu, BindReceiver, BindTransceiver, BindTransmitter
from inbound.store.access.account_credentials import SignedIn

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def links() -> AccountLinks:
    ids = count(1)
    return AccountLinks(Clock(), lambda: UUID(int=next(ids)))


def session(bind: type[BindPdu]) -> Any:
    """What the links look at of a session that is bound."""
    made = SimpleNamespace(reason="", bound_as=SimpleNamespace(receives=bind.receives))

    def close(reason: str) -> None:
        made.reason = reason

    made.close = close
    return _Hashable(made)


class _Hashable:
    def __init__(self, made: Any) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def admit(
    found: AccountLinks, bind: type[BindPdu], account: str = "shop", options: str = ""
) -> Any:
    one = session(bind)
    parsed = BindOptions.parse(options)
    assert parsed is not None
    found.admit(one, bind(), SignedIn(account, NOW, None), parsed, 30.0, found.new_id())
    return one


def test_the_newest_link_that_receives_gets_the_receipts() -> None:
    found = links()
    admit(found, BindTransceiver, options="MCON2")
    second = admit(found, BindReceiver, options="MCON2")
    admit(found, BindTransmitter, options="MCON3")
    newest = found.receiver("shop")
    assert newest is not None
    assert newest.session == second
    found.closed(second)
    assert found.receiver("shop") is not None
    assert found.accounts() == {"shop"}
    assert found.receiver("other") is None


def test_a_transmitter_ends_no_receiver_and_no_other_account() -> None:
    found = links()
    receiver, other = admit(found, BindReceiver), admit(found, BindTransceiver, "other")
    admit(found, BindTransmitter)
    assert (receiver.reason, other.reason) == ("", "")
    admit(found, BindTransceiver)
    assert receiver.reason
    assert len(found) == 2


def test_above_ten_at_once_an_account_s_messages_are_bulk_but_for_urgent_ones() -> None:
    clock = Clock()
    pace = AccountPace(1000, clock)
    assert [pace.takes_as_bulk(0) for _ in range(12)] == [False] * 10 + [True] * 2
    assert not pace.takes_as_bulk(1)
    assert not pace.is_forgettable
    clock.now = 1.0
    assert [pace.takes_as_bulk(0) for _ in range(2)] == [False, True]
    clock.now = 100.0
    assert pace.is_forgettable


def test_an_account_that_reconnects_gets_no_more_look_ups() -> None:
    """What an idle account may do is forgotten with its last link; what it has used up is not."""
    clock = Clock()
    found = AccountLinks(clock, lambda: UUID(int=1))
    for _ in range(2):
        one = admit(found, BindTransceiver)
        link = found.get(one)
        assert link is not None
        assert sum(link.pace.takes_lookup() for _ in range(200)) == (0 if clock.now else 100)
        clock.now = 0.005
        found.closed(one)
        assert set(found._paces) == {"shop"}
    clock.now = 1.01
    one = admit(found, BindTransceiver)
    link = found.get(one)
    assert link is not None
    assert link.pace.takes_lookup()
    found.closed(one)
    assert set(found._paces) == {"shop"}, "one look-up is missing"
    one = admit(found, BindTransceiver)
    clock.now = 2.0
    found.closed(one)
    assert not found._paces


def test_a_rate_is_shared_with_other_processes_and_each_has_its_part() -> None:
    clock = Clock()
    pace = AccountPace(30, clock)

    def room(seconds: float = 1.0) -> int:
        while not pace.bucket.delay():
            pace.bucket.take()
        clock.now += seconds
        return round(pace.bucket.tokens)

    assert room() == 30
    pace.share(20, 2)
    assert room() == 15, "its part, even if the others take more than theirs"
    pace.share(5, 2)
    assert room() == 25
    pace.share(0, 1)
    assert room() == 30


def test_a_link_that_another_process_replaced_ends() -> None:
    found = links()
    first, second = admit(found, BindTransceiver), admit(found, BindTransceiver, "other")
    assert found.end_replaced({UUID(int=1)}) == 1
    assert (bool(first.reason), second.reason) == (True, "")
    assert found.has_closed.is_set()
    assert found.take_closed() == {UUID(int=1)}
    assert not found.has_closed.is_set()
