"""Imports what `scserv up` and its roles import, so that Python keeps their bytecode.

`make` runs `python -m inbound.local.bytecode` once. Otherwise, where PYTHONDONTWRITEBYTECODE is
set, every start would compile 2,000 modules again, which takes more than everything else.
"""

from importlib import import_module
from typing import Final

from inbound.local.fork_server import import_all
from inbound.local.spawning import ROLE_MODULES

_SUPERVISOR: Final = ("inbound.cli.up", "inbound.local.embedded", "inbound.local.preparation")


def main() -> None:
    """Import each module, and what those of ours import within their functions."""
    for name in (*_SUPERVISOR, *ROLE_MODULES):
        module = import_module(name)
        if name.startswith("inbound."):
            import_all(module)


if __name__ == "__main__":
    main()
