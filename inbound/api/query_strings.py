"""Refuses a query with the same parameter twice, of which a program would mean only one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request

from inbound.api.problems import FieldProblem, ProblemKind, Refusal


async def refuse_repeated(request: Request) -> None:
    """Raise Refusal for a repeated query parameter. A dependency of every route."""
    counts = Counter(name for name, _ in request.query_params.multi_items())
    known: frozenset[str] = request.app.state.query_names
    places = {
        f"query.{name if name in known else '(unknown)'}"
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


def query_names(openapi: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all query parameters of an OpenAPI document."""
    for operations in openapi["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    yield parameter["name"]
