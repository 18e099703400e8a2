"""`scserv scheduler`: the role that queues what is due."""

import sys

import click

from inbound.cli._context import settings_options
from inbound.cli._runner import run_role, serve_health
from inbound.settings import Settings
from inbound.startup import check_database, check_log, watch_database


@click.command
@settings_options
def scheduler(settings: Settings) -> None:
    """Queue scheduled orders when they are due, and send broadcasts. Two may run."""
    from inbound.scheduler.wiring import ORDERS, run_scheduler

    health = serve_health(settings, "scheduler", ORDERS)
    index_key = check_database(settings)
    check_log(settings)
    watch_database(settings, "scheduler", health)
    sys.exit(run_role(lambda: run_scheduler(settings, index_key, health)))
