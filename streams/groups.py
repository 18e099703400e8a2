"""What the consumer groups of the worker and of the gateway have in common."""

from typing import Final

SESSION_TIMEOUT_S: Final = 6
"""After so long without a word a member counts as gone, and others get its partitions."""

HEARTBEAT_INTERVAL_S: Final = 1

METADATA_MAX_AGE_MS: Final = 5_000
"""How long a group may serve nothing after its broker was restarted.

A broker that has just come up may say that there is no such topic. Whoever leads the group
assigns none of its partitions then, to nobody, until the next look: by default 5 minutes later.
"""
