"""The OpenAPI 3.1 document: FastAPI's, completed with what all routes share.

The problems an operation can answer with follow from its shape (a body, a path with an id),
so they are added here and not at each route. docs/openapi.json is this document.
"""

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from inbound.api.examples import ORDER, TIMELINE
from inbound.api.languages import ACCEPT_LANGUAGE, CONTENT_LANGUAGE
from inbound.api.models import RequestModel, ResponseModel
from inbound.api.problem_answers import problem_of
from inbound.api.problems import (
    MEDIA_TYPE,
    PHRASES,
    FieldProblem,
    ProblemDetails,
    ProblemKind,
    Refusal,
    forbidden,
    unauthorized,
)
from inbound.handlers.broadcasts import BroadcastAction
from schemas.documented_enum import MEANINGS
from schemas.orders import RefusalReason

VERSION: Final = "1.0"
DESCRIPTION: Final = """\
For programs that send messages, for support staff, and for services that subscribe to the topics: \
sending, who a subject is, whether it may be sent messages, and what happened to a request.

**Tokens.** Every operation needs `Authorization: Bearer TOKEN`. `scserv tokens create` creates \
a token with scopes: `read`, `resolve`, `reveal`, `send`. A token sends for one account.

**Queries.** `HEAD` works wherever `GET` does. A parameter that is given twice, or that the \
operation does not have, is refused. Write the `+` of a time's offset as `%2B`; as `+` it is \
understood too.

**Numbers.** Paths and queries contain no phone number. In answers numbers are masked \
(`+7916*****67`) unless the token has the scope `reveal` and the request gives a reason. \
Every resolution and every revealed number is recorded before the answer.

**Errors** are problem details (RFC 9457). `type` identifies the problem; `instance` holds the \
request id, which is also in the log. After a 503 retry when `Retry-After` has passed.

**Limits.** Requests per minute and token (`RateLimit-Policy`); at most 16 KiB of headers and \
64 KiB per body (4 MiB to send messages and to create broadcasts), which have to arrive within \
10 s each. Every answer comes within 15 s. An address that sends too many requests without a \
valid token gets the 429 `too-many-failures`.

**Changes.** Under `/v1` only new fields in answers and new parameters are added. Ignore fields \
that you don't know.
"""

_ALWAYS: Final = (
    *(
        ProblemKind.REPEATED_PARAMETER,
        ProblemKind.UNAUTHORIZED,
        ProblemKind.FORBIDDEN,
        ProblemKind.INVALID,
        ProblemKind.RATE_LIMITED,
    ),
    *(ProblemKind.DEFECT, ProblemKind.UNAVAILABLE),
)
_WITH_BODY: Final = (ProblemKind.BODY_TIMEOUT, ProblemKind.TOO_LARGE, ProblemKind.MEDIA_TYPE)
_WITH_ID: Final = (ProblemKind.NOT_FOUND,)
_OF_OPERATION: Final = {
    "searchRequests": (ProblemKind.NOT_FOUND,),
    "sendMessages": (ProblemKind.REFUSED,),
    "createBroadcast": (ProblemKind.REFUSED,),
    "cancelMessage": (ProblemKind.NOT_SCHEDULED,),
    "deleteBroadcast": (ProblemKind.NOT_POSSIBLE,),
    **{f"{action.value}Broadcast": (ProblemKind.NOT_POSSIBLE,) for action in BroadcastAction},
}
# Answers to admitted requests, which carry the rate limit headers.
_ADMITTED: Final = {
    *(ProblemKind.REPEATED_PARAMETER, ProblemKind.FORBIDDEN, ProblemKind.NOT_FOUND),
    ProblemKind.METHOD_NOT_ALLOWED,
    *(ProblemKind.MEDIA_TYPE, ProblemKind.INVALID, ProblemKind.RATE_LIMITED),
    *(ProblemKind.REFUSED, ProblemKind.NOT_SCHEDULED, ProblemKind.NOT_POSSIBLE),
}
_REQUEST_ID: Final = "2f6a5d9e-8c1f-4f4b-9a35-6de0c0a6a9d1"

_HEADERS: Final = {
    "X-Request-Id": ("id of this request, also in the log of the service", _REQUEST_ID),
    "RateLimit-Policy": ("`q` requests in `w` seconds", '"token";q=600;w=60'),
    "RateLimit": ("`r` requests left, all of them in `t` seconds", '"token";r=599;t=1'),
}
# Of answers with sentences.
_LANGUAGE_HEADERS: Final = {
    CONTENT_LANGUAGE: ("the language of the sentences", "ru"),
    "Vary": ("what the language depends on besides `lang`", "Accept-Language"),
}
_EXAMPLES: Final = {
    ProblemKind.REPEATED_PARAMETER: Refusal(
        ProblemKind.REPEATED_PARAMETER,
        errors=[FieldProblem(where="query.limit", problem="is given more than once")],
    ),
    ProblemKind.UNAUTHORIZED: unauthorized(),
    ProblemKind.FORBIDDEN: forbidden("resolve"),
    ProblemKind.INVALID: Refusal(
        ProblemKind.INVALID,
        errors=[FieldProblem(where="body.subjects.3", problem="has to be a UUID")],
    ),
    ProblemKind.REFUSED: Refusal(
        ProblemKind.REFUSED,
        "the recipient has switched notifications off; they come back when the client texts "
        "CLIENT sms start, and service messages are sent all the same",
        reason=RefusalReason.OPTED_OUT,
        message_id=UUID(ORDER),
        is_temporary=False,
    ),
    ProblemKind.NOT_POSSIBLE: Refusal(
        ProblemKind.NOT_POSSIBLE, "it is done: nothing of it waits any more"
    ),
    ProblemKind.NOT_SCHEDULED: Refusal(
        ProblemKind.NOT_SCHEDULED,
        "the message was sent; only a scheduled message can be cancelled",
    ),
    ProblemKind.RATE_LIMITED: Refusal(
        ProblemKind.RATE_LIMITED,
        "this token allows 600 requests per minute; ask again after the seconds in `Retry-After`",
        {"Retry-After": "1"},
    ),
    ProblemKind.UNAVAILABLE: Refusal(
        ProblemKind.UNAVAILABLE,
        "the database does not answer; ask again after the seconds in `Retry-After`",
        {"Retry-After": "5"},
    ),
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the routes of `app`."""
    openapi = get_openapi(
        title="SCSERV",
        version=VERSION,
        summary="What happened to a text message, and who sent it.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
    )
    components = openapi["components"]
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
    # The model of a timeline is defined outside the API, without an example.
    schemas["Timeline"]["examples"] = [TIMELINE]
    for schema in schemas.values():
        _describe_values(schema)
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = {name: _header(*about) for name, about in _HEADERS.items()}
    components["responses"] = {kind.slug: _response(kind) for kind in ProblemKind}
    for path, operations in openapi["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    return openapi


def as_text(openapi: dict[str, Any]) -> str:
    """Return the document in the format of docs/openapi.json."""
    return json.dumps(openapi, ensure_ascii=False, indent=2) + "\n"


TAGS: Final = [
    {"name": "messages", "description": "Sending messages, their state and their history."},
    {"name": "broadcasts", "description": "One text to many people."},
    {"name": "people", "description": "Who a subject is, and whether it may be sent messages."},
    {"name": "history", "description": "What happened to requests and messages."},
]
_REF: Final = "#/components/schemas/{model}"


def _models(*roots: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for root in roots:
        yield root
        yield from _models(*root.__subclasses__())


def _describe_values(schema: dict[str, Any]) -> None:
    """Add the meanings of an enum's values to its description, for readers of the document."""
    if meanings := schema.get(MEANINGS):
        lines = "\n".join(f"- `{value}`: {meaning}" for value, meaning in meanings.items())
        schema["description"] = f"{schema['description']}\n\n{lines}"


def _complete(path: str, operation: dict[str, Any]) -> None:
    kinds = [*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ())]
    kinds += _WITH_ID if "{" in path else ()
    kinds += _OF_OPERATION.get(operation["operationId"], ())
    responses = operation["responses"]
    responses.pop("422", None)
    has_sentences = any(
        parameter["name"] == ACCEPT_LANGUAGE for parameter in operation.get("parameters", ())
    )
    for response in responses.values():
        response["headers"] = {name: _header_ref(name) for name in _HEADERS}
        if has_sentences:
            response["headers"] |= {
                name: _header(*about, required=False) for name, about in _LANGUAGE_HEADERS.items()
            }
    for kind in sorted(kinds, key=lambda each: each.status):
        responses[str(kind.status)] = {"$ref": f"#/components/responses/{kind.slug}"}
    choices = [
        " and ".join(f"`{scope}`" for scope in scopes)
        for each in operation["security"]
        for scopes in each.values()
    ]
    named = " or ".join(choices)
    operation["description"] = f"{operation['description']}\n\nNeeds the scope {named}."


def _response(kind: ProblemKind) -> dict[str, Any]:
    refusal = _EXAMPLES.get(kind, Refusal(kind))
    names = _HEADERS if kind in _ADMITTED else ("X-Request-Id",)
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


def _header(description: str, example: str, *, required: bool = True) -> dict[str, Any]:
    schema = {"type": "string"}
    return {"description": description, "required": required, "schema": schema, "example": example}


def _header_ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/headers/{name}"}
