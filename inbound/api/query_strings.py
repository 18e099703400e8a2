"""Refuses queries that don't mean what they seem to.

A repeated parameter, of which a program means only one, and a parameter that the operation does not
have: if it were ignored, `dry_run=1` would send. A name that could hold a number or a secret is not
repeated in the answer.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from fastapi import Request

from inbound.api.problems import FieldProblem, ProblemKind, Refusal
from inbound.faults import MOST_SHOWN, is_plain_name
from inbound.similar_names import most_similar


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


async def refuse_unknown(request: Request) -> None:
    """Raise Refusal for a query parameter that this operation does not have."""
    known: Mapping[tuple[str, str], frozenset[str]] = request.app.state.operation_query_names
    route = request.scope["route"]
    names = known.get((request.method, route.path_format))
    if names is None or names.issuperset(given := request.query_params.keys()):
        return
    unknown = islice((name for name in given if name not in names), MOST_SHOWN)
    errors = [_unknown(name, sorted(names)) for name in unknown]
    raise Refusal(ProblemKind.INVALID, errors=errors)


def _unknown(name: str, known: Sequence[str]) -> FieldProblem:
    """Say what is wrong with a parameter, and which ones there are."""
    listed = ", ".join(f"`{one}`" for one in known)
    others = f"known: {listed}" if known else "this operation has none"
    if not is_plain_name(name):
        return FieldProblem(where="query", problem=f"has an unknown parameter; {others}")
    if near := most_similar(name, known):
        others = f"is `{near}` meant? Known: {listed}"
    return FieldProblem(where=f"query.{name}", problem=f"is an unknown parameter; {others}")


def operation_query_names(
    openapi: Mapping[str, Any],
) -> dict[tuple[str, str], frozenset[str]]:
    """Return the names of each operation's query parameters, by method and path."""
    return {
        (method.upper(), path): frozenset(
            parameter["name"]
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        )
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    }


def query_names(openapi: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all query parameters of an OpenAPI document."""
    for operations in openapi["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    yield parameter["name"]
