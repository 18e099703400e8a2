"""The networks from which an account may order over HTTP, as people write them. Pure."""

from ipaddress import ip_network


class NetworkAddressError(ValueError):
    """No address or network; str() says what to write."""


def parse_network(text: str) -> str:
    """Return an address or network in CIDR notation, as the database has it.

    `203.0.113.7` is a network of one address. Raises NetworkAddressError.
    """
    try:
        return str(ip_network(text.strip()))
    except ValueError:
        raise NetworkAddressError(
            f"{text} is no address or network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"
        ) from None
