"""`python -m tests.chaos.machines`: whether machines can be made here; if not, why (status 1)."""

import asyncio
import sys

from inbound.errors import SetupError
from inbound.terminal import echo
from tests.chaos.machines.network import Machine, disturbed, enter, open_network


def main() -> None:
    """Make one machine and disturb its network in each way."""
    try:
        enter()
        with open_network(1) as [machine]:
            asyncio.run(_disturb(machine))
    except SetupError as error:
        echo(str(error))
        sys.exit(1)


async def _disturb(machine: Machine) -> None:
    for what in ("isolated", "loses 5%", "slow line"):
        async with disturbed(machine, what):
            pass


if __name__ == "__main__":
    main()
