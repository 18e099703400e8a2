"""Errors of broadcasts as problems."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from inbound.api.audience_rows import MissingNamesError, UnusableRowsError
from inbound.api.backend import Backend
from inbound.api.problems import FieldProblem, ProblemKind, Refusal, invalid
from inbound.broadcasts.content import DraftError
from inbound.broadcasts.control import (
    NotPossibleError,
    StartInPastError,
    UnknownBroadcastError,
)
from inbound.store.broadcasts.repeats import KeyReusedError
from schemas.orders import RefusalReason

Params = ParamSpec("Params")
Result = TypeVar("Result")


async def run_or_refuse(
    backend: Backend,
    function: Callable[Concatenate[psycopg.Connection, Params], Result],
    *args: Params.args,
    **kwargs: Params.kwargs,
) -> Result:
    """Run a function on a pooled connection; raise its errors as problems."""
    try:
        return await backend.run(function, *args, **kwargs)
    except UnknownBroadcastError:
        raise Refusal(ProblemKind.NOT_FOUND, "the account has no broadcast with this id") from None
    except NotPossibleError as error:
        raise Refusal(ProblemKind.NOT_POSSIBLE, str(error)) from None
    except StartInPastError:
        raise invalid("query.at", "is in the past; leave it out to start now") from None
    except KeyReusedError:
        raise Refusal(
            ProblemKind.REFUSED,
            "the Idempotency-Key was used for another request; send this one with a key of its own",
            reason=RefusalReason.IDEMPOTENCY_KEY_REUSED,
            is_temporary=False,
        ) from None


def invalid_draft(error: DraftError) -> Refusal:
    """Return the refusal of a draft; faulty rows are named by their index.

    It may take some milliseconds, so it is made in a thread, and after the transaction.
    """
    given = error.faults if isinstance(error, UnusableRowsError) else ()
    where = f"body.{error.field}"
    faults = [FieldProblem(where=f"{where}.{one.where}", problem=one.problem) for one in given]
    advice = error.advice() if isinstance(error, MissingNamesError) else ""
    errors = [FieldProblem(where=where, problem=f"{error}{advice}"), *faults]
    return Refusal(ProblemKind.INVALID, errors=errors)
