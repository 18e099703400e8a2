"""`python -m inbound.cli`: the same as `scserv`, wherever the script lies."""

from inbound.cli import main

main()
