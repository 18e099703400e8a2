"""`scserv ingress`: the process for programs that speak other services' dialects."""

import sys

import click

from inbound.cli._context import settings_options
from inbound.cli._runner import run_role, serve_health
from inbound.settings import Settings
from inbound.startup import check_database, check_log, watch_database


@click.command
@settings_options
def ingress(settings: Settings) -> None:
    """Take messages from programs that speak the dialects of other services.

    Listens on loopback unless SCSERV_INGRESS__HOST is set. Programs sign in with what
    `scserv accounts credentials` prints.
    """
    from inbound.ingress.process import run_ingress

    health = serve_health(settings, "ingress", "listening")
    index_key = check_database(settings)
    check_log(settings)
    watch_database(settings, "ingress", health)
    sys.exit(run_role(lambda: run_ingress(settings, index_key, health)))
