"""The rules that an operator may change."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Policies(BaseModel):
    """Each rule with its default, which follows the instruction where that says something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unknown_number: Literal["refuse", "silent"] = Field(
        default="refuse",
        description="a number that is not in the directory: acknowledge and refuse, or say "
        "nothing; people whom an account has texted may switch notifications with either",
    )
    unknown_numbers_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="commands accepted within a minute from numbers that are not in the "
        "directory, besides those that switch notifications of people whom an account has texted; "
        "more get no reply, and of several SMS centres each gets half at most; by default 0.1 % of "
        "the directory's numbers, at least 30; 0 sets no ceiling",
    )
    unknown_numbers_per_hour: int | None = Field(
        default=None,
        ge=0,
        description="the same within an hour; by default 1 % of the directory's numbers, at least "
        "300; 0 sets no ceiling",
    )
    repeat_in_state: Literal["confirm", "acknowledge"] = Field(
        default="confirm",
        description="stop when already stopped, start when already started: confirm again, "
        "or only acknowledge",
    )
    duplicate_within_s: float = Field(
        default=60,
        ge=0,
        description="the same command as the number's previous one within this time is the "
        "same request; after an outage the time begins when that one was processed. 0 turns it off",
    )
    commands_per_hour: int = Field(
        default=10,
        ge=0,
        description="more accepted commands an hour from one number are not accepted; "
        "0 turns it off",
    )
    info_max_age_s: float = Field(
        default=3600,
        gt=0,
        description="an `info` that is older when it is processed is refused: the number may "
        "have changed hands, the client has tried again",
    )
    order_valid_for_s: int = Field(
        default=86400,
        gt=0,
        description="an order without an expiry that could not be sent within this time, from when "
        "it was due, is not sent any more",
    )
    reply_valid_for_s: float = Field(
        default=86400,
        gt=0,
        description="a reply that could not be sent within this time is not sent any more",
    )
    registrations_per_minute: int | None = Field(
        default=None,
        ge=0,
        description="registrations sent within a minute; more are held for a person; by default "
        "0.2 % of the directory's numbers, at least 20; 0 sets no ceiling",
    )
    registrations_per_hour: int | None = Field(
        default=None,
        ge=0,
        description="registrations sent within an hour; more are held; by default 2 % of the "
        "directory's numbers, at least 120; 0 sets no ceiling",
    )
    registrations_per_centre_minute: int | None = Field(
        default=None,
        ge=0,
        description="registrations sent within a minute for texts from one SMS centre, on all its "
        "binds; more are held; by default half of those of all if there are several SMS centres; 0 "
        "sets no ceiling",
    )
    registrations_per_centre_hour: int | None = Field(
        default=None,
        ge=0,
        description="registrations sent within an hour for texts from one SMS centre, on all its "
        "binds; more are held; by default 1 % of the directory's numbers, at least 120, and half "
        "of those of all at most if there are several SMS centres; 0 sets no ceiling",
    )
    registrations_off: Literal["hold", "refuse"] = Field(
        default="hold",
        description="what happens to requests for registration data after `scserv registrations "
        "off`: held for a person, or refused",
    )
    registrations_need: Literal["nothing", "open_case"] = Field(
        default="nothing",
        description="a second factor: registration data is sent only while the directory has an "
        "open case of the client (`scserv clients cases`)",
    )
    registrations_unmet: Literal["hold", "refuse"] = Field(
        default="hold",
        description="what happens to requests for registration data without that factor",
    )
    hold_for_s: float = Field(
        default=72 * 3600,
        gt=0,
        description="a held request for registration data that was not released within this time "
        "is refused",
    )
