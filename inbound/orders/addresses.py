"""The addresses from which an account may order over the network. Pure."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IpAddress = IPv4Address | IPv6Address


class AddressError(ValueError):
    """No address or network; str() says what to write."""


def parse_network(text: str) -> str:
    """Return an address or network in CIDR notation, as the database has it. Raises AddressError.

    `203.0.113.7` is a network of one address.
    """
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise AddressError(
            f"{text} is no address or network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
        ) from None


def is_allowed(networks: Collection[str], peer: str) -> bool:
    """Whether a peer's address is in one of these networks; an account without any allows all.

    An IPv4 address that arrives as IPv6 (RFC 4291, 2.5.5.2) counts as IPv4. A peer without an
    address, on a Unix socket for example, is in no network.
    """
    if not networks:
        return True
    try:
        address: IpAddress = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in networks)
