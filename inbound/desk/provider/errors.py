"""Errors of the provider, separate from its client, which few desks import."""

from typing import Final

from inbound.errors import RetryableError, ScservError

UNREADABLE: Final = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What code raises that takes a value of the provider for another one than it is.

Whoever reads something that the provider chose turns all of these into an error of this module.
"""


class BadTokenError(ScservError):
    """An ID token is not valid. The text names the claim at most, never a value."""


class CodeRefusedError(ScservError):
    """The provider does not know the code that the browser brought, or no longer knows it."""


class ProviderError(RetryableError):
    """The provider does not answer, or not as OpenID Connect requires. Has no values."""
