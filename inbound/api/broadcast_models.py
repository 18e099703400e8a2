"""Models of requests about broadcasts: one to create, and queries."""

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from inbound.api.hours import WithHours
from inbound.api.models import RequestModel, example
from inbound.api.problems import ALL_CLIENTS, ROWS
from inbound.broadcasts.drafting import LONGEST_NAME
from inbound.broadcasts.outcomes import NOT_REACHED
from inbound.field_rules import OWN_WORDS
from inbound.store.broadcasts.rows import RecipientState
from schemas.moments import Moment
from schemas.orders import LONGEST_TEXT, MOST_FIELDS, SenderName, TemplateName

MOST_ROWS: Final = 10_000

AudienceRow = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=1000)]
    ],
    Field(max_length=MOST_FIELDS + 1),
]


def _choose(audience: object) -> str | None:
    if isinstance(audience, list):
        return ROWS
    return ALL_CLIENTS if audience == "all" else None


class BroadcastToCreate(WithHours):
    """A broadcast: a text or a template, and its audience."""

    model_config = example(
        {
            "name": "Office closed",
            "text": "{name}, офис закрыт 9 мая.",
            "audience": [{"msisdn": "+79161234567", "name": "Анна"}],
            "hours": "10:00-12:00",
            "rate": 50,
        }
    )

    name: str = Field(
        min_length=1,
        max_length=LONGEST_NAME,
        description="what people call it; it is kept for ever",
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TEXT,
        description="what to send; `{name}` is a field of each row",
    )
    template: TemplateName | None = Field(default=None, description="a template instead of a text")
    audience: Annotated[
        Annotated[Literal["all"], Tag(ALL_CLIENTS)]
        | Annotated[list[AudienceRow], Field(min_length=1, max_length=MOST_ROWS), Tag(ROWS)],
        Discriminator(
            _choose,
            custom_error_type=OWN_WORDS,
            custom_error_message="has to be `all`, or a list of rows each with a `msisdn`",
        ),
    ] = Field(
        description="`all` clients of the directory, or rows with a `msisdn` and the fields of the "
        f"text; up to {MOST_ROWS:,} rows, larger audiences are loaded on the command line"
    )
    sender: SenderName | None = Field(
        default=None, description="approved for the account; default: the service's own"
    )
    spread: bool = Field(default=False, description="spread it evenly over `hours`")
    rate: int | None = Field(
        default=None, ge=1, le=100_000, description="messages a second at most"
    )


class RecipientsQuery(RequestModel):
    """Which recipients."""

    state: RecipientState | None = Field(
        default=None,
        description="default: whom it has not reached: `refused`, `undelivered`, `unknown` and "
        "`withheld`",
    )
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="`next_after` of the page before")
    limit: int = Field(default=100, ge=1, le=1000, description="recipients per page at most")

    @property
    def states(self) -> tuple[RecipientState, ...]:
        """The wanted states."""
        return NOT_REACHED if self.state is None else (self.state,)


class StartQuery(RequestModel):
    """When to start."""

    at: Moment | None = Field(default=None, description="default: now")


class ExcludedQuery(RequestModel):
    """Which excluded rows."""

    after: int = Field(default=0, ge=0, le=2**31 - 1, description="rows behind this one")
    limit: int = Field(default=100, ge=1, le=1000, description="rows per page at most")


class BroadcastQuery(RequestModel):
    """How many broadcasts."""

    limit: int = Field(default=50, ge=1, le=200, description="broadcasts at most")
