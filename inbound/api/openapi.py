"""The OpenAPI 3.1 document: what FastAPI knows of the routes, and what every route has.

Which problems an operation can answer with follows from its form (a body, a path with an id),
so it is written here once and not at each route. docs/openapi.json is this document.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from inbound.api.examples import TIMELINE
from inbound.api.models import RequestModel, ResponseModel
from inbound.api.problems import (
    MEDIA_TYPE,
    PHRASES,
    FieldProblem,
    ProblemDetails,
    ProblemKind,
    Refusal,
    forbidden,
    problem_of,
    unauthorized,
)

VERSION: Final = "1.0"
DESCRIPTION: Final = """\
For support staff and for services that subscribe to the topics: who a subject is, whether it \
may be texted, and what became of a request.

**Tokens.** Every operation takes `Authorization: Bearer TOKEN`. `scserv tokens create` makes a \
token with scopes: `read`, `resolve`, `reveal`.

**Numbers.** No phone number stands in a path or a query. In answers numbers are masked \
(`+7916*****67`) unless the token has the scope `reveal` and the request gives a reason. \
Every resolution and every revealed number is recorded before it is answered.

**Errors** are problem details (RFC 9457). `type` says which; `instance` holds the request's id, \
which the service's log has too. An answer 503 may be asked for again after `Retry-After`.

**Limits.** A token may ask so many times a minute (`RateLimit-Policy`); a body has at most \
64 KiB and 10 s to arrive; an answer comes within 15 s.

**Changes.** Fields are added to answers and parameters to requests; nothing else changes under \
`/v1`. Ignore fields that you don't know.
"""

_ALWAYS: Final = (
    *(
        ProblemKind.UNAUTHORIZED,
        ProblemKind.FORBIDDEN,
        ProblemKind.INVALID,
        ProblemKind.RATE_LIMITED,
    ),
    *(ProblemKind.DEFECT, ProblemKind.UNAVAILABLE),
)
_WITH_BODY: Final = (ProblemKind.BODY_TIMEOUT, ProblemKind.TOO_LARGE, ProblemKind.MEDIA_TYPE)
_WITH_ID: Final = (ProblemKind.NOT_FOUND,)
# Known only when the token is good: how many requests it has left.
_AFTER_THE_GATE: Final = {
    *(ProblemKind.FORBIDDEN, ProblemKind.NOT_FOUND, ProblemKind.METHOD_NOT_ALLOWED),
    *(ProblemKind.MEDIA_TYPE, ProblemKind.INVALID, ProblemKind.RATE_LIMITED),
}
_REQUEST_ID: Final = "2f6a5d9e-8c1f-4f4b-9a35-6de0c0a6a9d1"

_HEADERS: Final = {
    "X-Request-Id": ("this request's id, as in the service's log", _REQUEST_ID),
    "RateLimit-Policy": ("`q` requests in `w` seconds", '"token";q=600;w=60'),
    "RateLimit": ("`r` requests left, all of them in `t` seconds", '"token";r=599;t=1'),
}
_EXAMPLES: Final = {
    ProblemKind.UNAUTHORIZED: unauthorized(),
    ProblemKind.FORBIDDEN: forbidden("resolve"),
    ProblemKind.INVALID: Refusal(
        ProblemKind.INVALID,
        errors=[FieldProblem(where="body.subjects.3", problem="has to be a UUID")],
    ),
    ProblemKind.RATE_LIMITED: Refusal(
        ProblemKind.RATE_LIMITED, "a token may ask 600 times a minute", {"Retry-After": "1"}
    ),
    ProblemKind.UNAVAILABLE: Refusal(
        ProblemKind.UNAVAILABLE, "the database does not answer", {"Retry-After": "5"}
    ),
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the routes of `app`."""
    made = get_openapi(
        title="SCSERV",
        version=VERSION,
        summary="What became of a text message, and whose it was.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
    )
    components = made["components"]
    schemas = components["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for problem in (FieldProblem, ProblemDetails):
        schemas[problem.__name__] = problem.model_json_schema(ref_template=_REF)
        schemas[problem.__name__].pop("$defs", None)
    for model in _models(ResponseModel, RequestModel):
        extra = model.model_config.get("json_schema_extra")
        if model.__name__ in schemas and isinstance(extra, dict):
            schemas[model.__name__] |= extra  # FastAPI leaves nulls out, in examples too
    # The timeline has its model from a room that knows nothing of this document.
    schemas["Timeline"]["examples"] = [TIMELINE]
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = {name: _header(*about) for name, about in _HEADERS.items()}
    components["responses"] = {kind.slug: _response(kind) for kind in ProblemKind}
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return made


def as_text(made: dict[str, Any]) -> str:
    """Return the document as docs/openapi.json has it."""
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


TAGS: Final = [
    {"name": "people", "description": "Who a subject is, and whether it may be texted."},
    {"name": "history", "description": "What became of requests and messages."},
]
_REF: Final = "#/components/schemas/{model}"


def _models(*roots: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for root in roots:
        yield root
        yield from _models(*root.__subclasses__())


def _complete(path: str, operation: dict[str, Any]) -> None:
    kinds = [*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ())]
    kinds += _WITH_ID if "{" in path else ()
    responses = operation["responses"]
    responses.pop("422", None)
    for response in responses.values():
        response["headers"] = {name: _header_ref(name) for name in _HEADERS}
    for kind in sorted(kinds, key=lambda each: each.status):
        responses[str(kind.status)] = {"$ref": f"#/components/responses/{kind.slug}"}
    scopes = [scope for each in operation["security"] for names in each.values() for scope in names]
    named = " and ".join(f"`{scope}`" for scope in scopes)
    operation["description"] = f"{operation['description']}\n\nTakes the scope {named}."


def _response(kind: ProblemKind) -> dict[str, Any]:
    refusal = _EXAMPLES.get(kind, Refusal(kind))
    names = _HEADERS if kind in _AFTER_THE_GATE else ("X-Request-Id",)
    headers = {name: _header_ref(name) for name in names}
    for name, value in (refusal.headers or {}).items():
        headers[name] = _header("RFC 9110", value)
    problem = problem_of(refusal, _REQUEST_ID).model_dump(mode="json", exclude_none=True)
    return {
        "description": f"{PHRASES[kind]}: {kind.title[0].lower()}{kind.title[1:]}.",
        "headers": headers,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(model="ProblemDetails")},
                "example": problem,
            }
        },
    }


def _header(description: str, example: str) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"description": description, "required": True, "schema": schema, "example": example}


def _header_ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/headers/{name}"}
