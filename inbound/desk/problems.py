"""Errors as pages: what went wrong, what happened to the data, and what to do.

The texts are keys of the desk's words. A page never repeats what was sent.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.exceptions import HTTPException

from inbound.api.problems import RETRY_AFTER_S
from inbound.errors import RetryableError
from inbound.store.errors import StoreUnavailable

UNCHANGED: Final = "Nothing was changed."


class ErrorPage(HTTPException):
    """Answers a request with a page; may be raised anywhere."""

    def __init__(
        self,
        status: int,
        what: str,
        todo: str,
        lost: str = UNCHANGED,
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """`values` are those of `what`."""
        super().__init__(status, what, dict(headers or {}))
        self.what = what
        self.todo = todo
        self.values = dict(values or {})
        self.lost = lost


@dataclass(frozen=True, slots=True)
class SentForm:
    """The content of a form, without its token."""

    path: str
    fields: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        """Return a field; "" for one that was not sent."""
        return self.fields.get(name, "")

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return a field that is one of `choices`. Raises ErrorPage for anything else."""
        if self[name] not in choices:
            raise ErrorPage(
                422,
                "The form has a choice that the desk does not know.",
                "Go back, reload the page and choose again.",
            )
        return self[name]


class SignInNeededError(Exception):
    """There is no valid session. `form` was sent to a page that needs one."""

    def __init__(self, form: SentForm | None = None) -> None:
        super().__init__("no valid session")
        self.form = form


def forbidden() -> ErrorPage:
    """Refuse a page or an action to a user without its right."""
    return ErrorPage(
        403,
        "Your role does not allow this.",
        "If you need it for your work, ask an administrator for another role.",
    )


def factor_needed() -> ErrorPage:
    """Refuse everything to a user who has to set a second factor up first."""
    return ErrorPage(
        403,
        "Your role needs a second factor.",
        "Set it up on the page of your account. That takes a minute.",
    )


def stale_form() -> ErrorPage:
    """Refuse a form that was not made for this browser."""
    return OldFormError()


class OldFormError(ErrorPage):
    """A form that was not made for the cookie that came with it."""

    def __init__(self, form: SentForm | None = None) -> None:
        super().__init__(
            403,
            "This form is out of date.",
            "Go back, reload the page and send the form again.",
        )
        self.form = form


def not_found() -> ErrorPage:
    """Say that there is no such page."""
    return ErrorPage(
        404, "There is no such page.", "Check the address, or choose a page from the menu."
    )


def trouble_of(error: Exception, *, is_read: bool) -> ErrorPage:
    """Return the page for an error; that of a defect for an unexpected one.

    `is_read`: the request would have changed nothing.
    """
    unsure = UNCHANGED if is_read else "It is not certain whether your change was made."
    match error:
        case ErrorPage():
            return error
        case HTTPException(status_code=405):
            return ErrorPage(
                405,
                "This address takes only forms.",
                "Choose a page from the menu.",
                headers=error.headers,
            )
        case HTTPException() if error.status_code < 500:
            return not_found()
        case StoreUnavailable():
            return ErrorPage(
                503,
                "The database does not answer.",
                "Nobody can be recognised meanwhile. Texts of clients are still accepted and wait; "
                "an operator has to bring PostgreSQL back. Then reload the page."
                if is_read
                else "Wait a moment, look at the page again, and repeat your change if it is "
                "missing.",
                unsure,
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        case RetryableError() | HTTPException(status_code=503):
            return ErrorPage(
                503,
                "The service can't answer at this moment.",
                "Wait a moment and reload the page."
                if is_read
                else "Wait a moment, look at the page again, and repeat your change if it is "
                "missing.",
                unsure,
                {"Retry-After": str(RETRY_AFTER_S)},
            )
    return ErrorPage(
        500,
        "Something went wrong in the service itself.",
        "Tell an operator the number below: the log explains it.",
        unsure,
    )
