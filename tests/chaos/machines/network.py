"""The network between machines: namespaces, their cables, and what goes wrong with them.

Addresses are of the block for benchmarks of networks (RFC 2544), which nobody has. Delays come from
a slow line with a queue (`tbf`), because kernels for small machines lack `netem`.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from inbound.errors import SetupError

OUTSIDE: Final = "198.18.0.1"
"""The address of the campaign itself, where SMS centres, programs and operators are."""

_ENTERED: Final = "CHAOS_NETWORK"
_PROGRAMS: Final = ("ip", "tc", "iptables", "unshare", "nsenter")
_SLOW_LINE: Final = "rate 512kbit burst 16kb latency 400ms"


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: its number, and the process that keeps its network alive."""

    number: int
    keeper: subprocess.Popen[bytes]

    @property
    def name(self) -> str:
        """Its name: `m1`, `m2`, ..."""
        return f"m{self.number}"

    @property
    def address(self) -> str:
        """Its address."""
        return address_of(self.number)

    @property
    def entering(self) -> tuple[str, ...]:
        """The words before a command that runs it in this machine."""
        return ("nsenter", f"--net=/proc/{self.keeper.pid}/ns/net")

    def run(self, command: str) -> None:
        """Run a command in this machine. Blocks for milliseconds."""
        _run(*self.entering, *command.split())


def address_of(number: int) -> str:
    """Return the address of a machine."""
    return f"198.18.0.{16 + number}"


def enter() -> None:
    """Move this program into a network of its own: it begins again there. Returns once inside.

    Raises `SetupError` where that can't be done.
    """
    if os.environ.get(_ENTERED):
        return
    if os.geteuid():
        raise SetupError("machines are network namespaces: only root may make them")
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        raise SetupError(
            f"{', '.join(missing)} missing; on Debian: apt-get install iproute2 iptables"
        )
    os.environ[_ENTERED] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell is needed


@contextmanager
def open_network(machines: int) -> Iterator[list[Machine]]:
    """Make machines that reach each other and this process, for the block. Blocks for a second."""
    for command in (
        "ip link set lo up",
        "ip link add chaos type bridge",
        f"ip address add {OUTSIDE}/24 dev chaos",
        "ip link set chaos up",
    ):
        _run(*command.split())
    made: list[Machine] = []
    try:
        made.extend(map(_make, range(1, machines + 1)))
        yield made
    finally:
        for machine in made:
            machine.keeper.kill()
            machine.keeper.wait()
        _run("ip", "link", "delete", "chaos")


def _make(number: int) -> Machine:
    """Start a process in a namespace of its own; the namespace lives as long as the process."""
    # It says so once it is there: before, its namespace would be ours.
    keeper = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert keeper.stdout is not None
    keeper.stdout.readline()
    machine = Machine(number, keeper)
    cable = f"ip link add {machine.name} type veth peer name eth0 netns {keeper.pid}"
    _run(*cable.split())
    _run("ip", "link", "set", machine.name, "master", "chaos", "up")
    for command in (
        "ip link set lo up",
        f"ip address add {machine.address}/24 dev eth0",
        "ip link set eth0 up",
    ):
        machine.run(command)
    return machine


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{' '.join(command)}: {done.stderr.strip()}")


# -- faults ---------------------------------------------------------------------------------


def rules_of(what: str) -> Iterator[str]:
    """Yield the iptables rules of a fault of a network, without their first words.

    `isolated`: it reaches nobody. `split`: it reaches the outside, but no other machine. `deaf N`:
    it hears nothing of machine N, which hears it. `loses N%`: of what it gets.
    """
    word, _, of = what.partition(" ")
    others = f"{address_of(0)}/28"
    match word:
        case "isolated":
            yield "INPUT -i eth0 -j DROP"
            yield "OUTPUT -o eth0 -j DROP"
        case "split":
            # Its own address is on the other side of lo, so it still reaches itself.
            yield f"INPUT -i eth0 -s {others} -j DROP"
            yield f"OUTPUT -o eth0 -d {others} -j DROP"
        case "deaf":
            yield f"INPUT -i eth0 -s {address_of(int(of))} -j DROP"
        case "loses":
            share = int(of.removesuffix("%")) / 100
            yield f"INPUT -i eth0 -m statistic --mode random --probability {share} -j DROP"
        case _:
            raise ValueError(f"{what!r} is no fault of a network")


@asynccontextmanager
async def disturbed(machine: Machine, what: str) -> AsyncIterator[None]:
    """Disturb the network of a machine for the block (`rules_of`, or `slow line`)."""
    if what == "slow line":
        # Both ends of its cable.
        ends = (machine.entering, "eth0"), ((), machine.name)
        begin = [
            (*where, *f"tc qdisc add dev {device} root tbf {_SLOW_LINE}".split())
            for where, device in ends
        ]
        end = [(*where, *f"tc qdisc del dev {device} root".split()) for where, device in ends]
    else:
        rules = list(rules_of(what))
        begin = [(*machine.entering, *f"iptables -w -A {rule}".split()) for rule in rules]
        end = [(*machine.entering, *f"iptables -w -D {rule}".split()) for rule in rules]
    await _run_all(begin)
    try:
        yield
    finally:
        await asyncio.shield(_run_all(end))


async def _run_all(commands: Iterable[Sequence[str]]) -> None:
    for command in commands:
        await asyncio.to_thread(_run, *command)
