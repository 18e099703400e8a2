"""How commands print counts; times are in `inbound.cli._times`."""

from inbound.plurals import counted as counted  # noqa: PLC0414 — exported
