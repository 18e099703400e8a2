"""The words a session is described with: roles, states, limits, counters."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Which end of the connection this is."""

    ESME = "esme"
    SMSC = "smsc"


class State(Enum):
    """Where a session is in its life; it only ever moves down this list."""

    OPEN = "open"
    BOUND = "bound"
    UNBINDING = "unbinding"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """Limits of one session; times in seconds, `enquire_link_s` 0 sends none.

    Nothing more is read while more than `queue_limit` requests, or requests of more than
    `queue_octets`, wait to be answered.
    """

    window: int = 10
    response_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    enquire_link_s: float = 30.0
    queue_limit: int = 1000
    queue_octets: int = 4 * 1024 * 1024
    # The centre's name in its bind answers.
    system_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAs:
    """What a bind agreed on, without its password. Directions are the ESME's."""

    system_id: str
    address_range: str
    receives: bool
    transmits: bool


@dataclass(slots=True)
class SessionStats:
    """Counters of one session, from its start."""

    requests_in: int = 0
    requests_out: int = 0
    answers_in: int = 0
    unreadable: int = 0
    unmatched_answers: int = 0
    unanswered: int = 0
    reading_pauses: int = 0
