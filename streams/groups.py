"""The consumer groups of the worker and of the gateway, and the settings they share."""

from typing import Final

WORKER_GROUP: Final = "scserv-worker"
GATEWAY_GROUP: Final = "scserv-gateway"

SESSION_TIMEOUT_S: Final = 6
"""A member that has not sent a heartbeat for this long loses its partitions to the others."""

HEARTBEAT_INTERVAL_S: Final = 1

METADATA_MAX_AGE_MS: Final = 5_000
"""How long a group may consume nothing after a restart of its broker.

A broker that has just started may answer that a topic does not exist. The group's leader then
assigns none of its partitions until it refreshes the metadata: by default after 5 minutes.
"""
