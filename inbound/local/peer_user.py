"""Whether another user of this host is at the other end of a TCP connection.

Linux names the owner of every socket in /proc/net/tcp (proc_pid_net(5)); elsewhere nobody is
recognised. A socket that its process has closed has no owner any more, so a program that sent
something and hung up at once counts as another user's.
"""

import ipaddress
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ROOT: Final = 0
_NOBODY_HOLDS_IT: Final = 0

SocketAddress = tuple[str, int]
"""An IP address and a port."""


class _Socket(NamedTuple):
    user: int
    inode: int


def is_another_user(peer: SocketAddress, own: SocketAddress) -> bool:
    """Whether the process that connected from `peer` to `own` is of this host but not ours.

    Root counts as this user. Reads the table of all connections: a millisecond per thousand.
    """
    if not any(table.exists() for table in _TABLES):
        return False
    found = next(_sockets(f"{_hex(peer)} {_hex(own)}"), None)
    if found is None:
        return _ip(peer) == _ip(own)
    return found.inode == _NOBODY_HOLDS_IT or found.user not in {_ROOT, os.geteuid()}


def _sockets(ends: str) -> Iterator[_Socket]:
    for table in _TABLES:
        if not table.exists():
            continue
        for line in table.read_text("ascii").splitlines():
            _, local, remote, _, _, _, _, user, _, inode, *_ = line.split()
            if f"{local} {remote}" == ends:
                yield _Socket(int(user), int(inode))


def _ip(address: SocketAddress) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    host = ipaddress.ip_address(address[0])
    # A program that connected over IPv4 has an IPv4 socket, whatever kind the listener's is.
    return getattr(host, "ipv4_mapped", None) or host


def _hex(address: SocketAddress) -> str:
    """Write an address as /proc does: 32-bit words in the machine's byte order, and the port."""
    octets = _ip(address).packed
    words = [octets[start : start + 4] for start in range(0, len(octets), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return f"{b''.join(words).hex().upper()}:{address[1]:04X}"
