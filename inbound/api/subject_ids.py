"""Who may learn which subject a person is.

Subject ids are what connects the events of the topics with people, so a number or a request leads
to them only with the scope `resolve`. An id that the request itself named is no news to its caller.
"""

from uuid import UUID

from inbound.api.admission import Principal
from inbound.api.tokens import Scope
from inbound.timeline.model import Timeline


def shown_id(who: Principal, subject_id: UUID | None, named: UUID | None = None) -> UUID | None:
    """Return a subject id for this caller, who named one; None if they may not learn it."""
    return subject_id if subject_id == named or who.may(Scope.RESOLVE) else None


def shown_timeline(who: Principal, timeline: Timeline, named: UUID | None = None) -> Timeline:
    """Return a timeline with the subject ids that this caller may learn."""
    parts = {
        name: tuple(
            one.model_copy(update={"subject_id": shown_id(who, one.subject_id, named)})
            for one in getattr(timeline, name)
        )
        for name in ("requests", "orders")
    }
    own = shown_id(who, timeline.subject_id, named)
    return timeline.model_copy(update={"subject_id": own, **parts})
