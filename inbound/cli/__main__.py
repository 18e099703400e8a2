"""`python -m inbound.cli` is the same as `scserv`."""

from inbound.cli import main

main()
