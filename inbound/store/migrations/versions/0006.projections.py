# ruff: noqa: INP001  the name is that of the migration
"""The tables of the projections: views of the log, built from events alone.

Each may be dropped and built again, so their definitions live with the code that builds them.
This is the one migration that imports from above the store.
"""

from yoyo import step

from inbound.projections.initial_tables import create_live_tables

step(create_live_tables)
