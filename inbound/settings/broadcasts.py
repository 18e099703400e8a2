"""The settings of broadcasts (`[broadcasts]`)."""

from pydantic import BaseModel, ConfigDict, Field

from inbound.handlers.approvals import BROADCASTS_ABOVE


class BroadcastSettings(BaseModel):
    """When broadcasts need a second person, and how they are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approval_above: int = Field(
        default=BROADCASTS_ABOVE,
        ge=0,
        description="recipients above which a second person has to approve a broadcast. The "
        "scheduler's counts, not that of a command",
    )
    late_after_s: float = Field(
        default=3600,
        gt=0,
        description="seconds after its start from which on a broadcast that could not start has "
        "to be confirmed",
    )
    ahead: int = Field(
        default=4_000,
        ge=10,
        le=100_000,
        description="messages of broadcasts, and bulk messages of programs, that are queued and "
        "not submitted yet, at most",
    )
