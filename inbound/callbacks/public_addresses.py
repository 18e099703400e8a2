"""Which addresses are on the public Internet, so that an account's URL may lead there.

The lists of IANA decide (Special-Purpose Address Registries), not only Python's `is_global`, which
takes every IPv6 address that the registry doesn't name for a global one, and whose list changes
from release to release.
"""

import ipaddress
from typing import Final

_GLOBAL_IPV6: Final = ipaddress.IPv6Network("2000::/3")
"""All global unicast addresses that IANA has given out are in it (RFC 4291, 2.4)."""

_REFUSED_IPV6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols (RFC 2928); Teredo's hold an IPv4 address
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 7526): they hold an IPv4 address
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_REFUSED_IPV4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "192.0.0.0/24",  # protocols (RFC 6890)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
    )
)
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""Leads through a translator to the IPv4 address in its last four octets (RFC 6052)."""

_ISATAP: Final = 0x0000_5EFE
_ISATAP_MASK: Final = 0xFDFF_FFFF
"""The third group of four octets of ISATAP's addresses, apart from one bit (RFC 5214, 6.1)."""


def is_public(address: str) -> bool:
    """Whether an address is on the public Internet. Raises ValueError for what is no address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_public_ipv4(parsed)
    if parsed.ipv4_mapped is not None:
        return _is_public_ipv4(parsed.ipv4_mapped)
    if parsed in _TRANSLATED:
        return _is_public_ipv4(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF))
    return (
        parsed in _GLOBAL_IPV6
        and parsed.is_global
        and not any(parsed in network for network in _REFUSED_IPV6)
        and int(parsed) >> 32 & _ISATAP_MASK != _ISATAP
    )


def _is_public_ipv4(address: ipaddress.IPv4Address) -> bool:
    if any(address in network for network in _REFUSED_IPV4):
        return False
    return address.is_global and not address.is_multicast
