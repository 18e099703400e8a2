"""Roles, states, limits and counters of a session."""

from dataclasses import dataclass
from enum import Enum


class SessionRole(Enum):
    """Which end of the session this is."""

    ESME = "esme"
    SMSC = "smsc"


class SessionState(Enum):
    """State of a session (SMPP 3.4, 2.2). It only moves down this list."""

    OPEN = "open"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Limits of one session. Times in seconds; `enquire_link_s=0` sends no enquire_link.

    Reading pauses while more than `queue_limit` requests, or more than `queue_octets` of
    them, wait for an answer. `strict` refuses requests with garbage among their optional
    parameters, which are otherwise accepted without it.
    """

    window: int = 10
    response_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    enquire_link_s: float = 30.0
    queue_limit: int = 1000
    queue_octets: int = 4 * 1024 * 1024
    strict: bool = False
    # An SMSC ends a bound link on which it has read nothing for so long; 0: never.
    idle_limit_s: float = 0.0
    # The highest interface_version that an SMSC names.
    interface_version: int = 0x34
    # The name of our bind in log lines.
    bind: str = ""
    # The SMSC's system_id in its bind responses.
    system_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAs:
    """Parameters of the accepted bind, without the password. Directions as seen by the ESME."""

    system_id: str
    address_range: str
    receives: bool
    transmits: bool


@dataclass(slots=True)
class SessionStats:
    """Counters since the start of one session."""

    requests_in: int = 0
    requests_out: int = 0
    answers_in: int = 0
    unreadable: int = 0
    ignored: int = 0
    unmatched_answers: int = 0
    unanswered: int = 0
    reading_pauses: int = 0
