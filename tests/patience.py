"""How long a test waits for what should come soon."""

from typing import Final

PATIENCE_S: Final = 240.0
"""A hundred times what it takes on a quiet machine. Only a test that fails waits this long."""
