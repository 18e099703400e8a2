"""Who keeps a place when there are more connections than places."""

from inbound.api.connections import ConnectionLimits, Slot


class Closed(list[str]):
    """Opens named connections, and lists those that were closed for others."""

    def __init__(self, limits: ConnectionLimits) -> None:
        super().__init__()
        self.limits = limits

    def open(self, name: str, address: str, *, limited: bool = True) -> Slot | None:
        slot = self.limits.admit(address, limited=limited)
        if slot is not None:
            slot.close = lambda: self.append(name)
        return slot


def test_an_address_makes_room_for_itself() -> None:
    closed = Closed(ConnectionLimits(most=10, most_per_address=2))
    for name in ("a1", "a2", "b1", "a3"):
        assert closed.open(name, name[0])
    assert closed == ["a1"]


def test_the_address_with_most_connections_makes_room() -> None:
    closed = Closed(ConnectionLimits(most=4, most_per_address=3))
    for name in ("b1", "a1", "a2", "a3", "c1"):
        assert closed.open(name, name[0])
    assert closed == ["a1"]


def test_a_working_connection_keeps_its_place() -> None:
    closed = Closed(ConnectionLimits(most=10, most_per_address=2))
    first, second = closed.open("a1", "a"), closed.open("a2", "a")
    assert first
    assert second
    first.work()
    assert closed.open("a3", "a")
    assert closed == ["a2"]
    first.wait()
    assert closed.open("a4", "a")
    assert closed == ["a2", "a3"]  # the first has waited for less time


def test_new_one_is_refused_if_all_work() -> None:
    closed = Closed(ConnectionLimits(most=1))
    first = closed.open("a1", "a")
    assert first
    first.work()
    assert closed.open("b1", "b") is None
    first.release()
    assert closed.open("b2", "b")
    assert closed == []


def test_a_proxy_has_no_limit_of_its_own() -> None:
    closed = Closed(ConnectionLimits(most=10, most_per_address=2))
    for n in range(10):
        assert closed.open(f"p{n}", "p", limited=False)
    assert closed == []


def test_an_ended_connection_is_forgotten() -> None:
    limits = ConnectionLimits(most=2)
    for _ in range(5):
        slot = limits.admit("a")
        assert slot
        slot.release()
        slot.release()
        slot.wait()  # a late call of its protocol
    assert not limits.waiting
