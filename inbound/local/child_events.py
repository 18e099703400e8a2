"""What happens to a supervised process, as its supervisor tells it."""

import signal
from dataclasses import dataclass
from enum import StrEnum


class ChildEventType(StrEnum):
    """Type of a child's event."""

    STARTED = "started"
    READY = "ready"
    DIED = "died"
    STOPPED = "stopped"
    KILLED = "killed"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class ChildEvent:
    """An event of a child. `restart` counts its restarts."""

    child: str
    what: ChildEventType
    restart: int = 0
    exit: str = ""
    delay_s: float = 0.0

    def __str__(self) -> str:
        """One line for an operator."""
        match self.what:
            case ChildEventType.DIED:
                return (
                    f"{self.child} died ({self.exit}), restarts in {self.delay_s:g} s"
                    f" (restart {self.restart})"
                )
            case ChildEventType.KILLED:
                return f"{self.child} killed: it did not stop in time"
            case ChildEventType.STUCK:
                return f"{self.child} is stuck and is stopped; {self.exit}"
            case _:
                return f"{self.child} {self.what}"


def describe_exit(status: int) -> str:
    """Describe an exit status; negative is a signal, as in `subprocess`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
