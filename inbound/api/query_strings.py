"""Refuses a query with the same parameter twice, of which a program would mean only one."""

from collections import Counter

from fastapi import Request

from inbound.api.problems import FieldProblem, ProblemKind, Refusal
from inbound.faults import is_plain


async def refuse_repeated(request: Request) -> None:
    """Raise Refusal for a repeated query parameter. A dependency of every route."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    places = {
        f"query.{name if is_plain(name) else '(unknown)'}"
        for name, count in counts.items()
        if count > 1
    }
    if places:
        raise Refusal(
            ProblemKind.REPEATED_PARAMETER,
            errors=[
                FieldProblem(where=place, problem="is given more than once")
                for place in sorted(places)
            ],
        )
