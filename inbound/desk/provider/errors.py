"""Errors of the provider, separate from its client, which few desks import."""

from inbound.errors import RetryableError, ScservError


class BadTokenError(ScservError):
    """An ID token is not valid. The text names the claim at most, never a value."""


class CodeRefusedError(ScservError):
    """The provider does not know the code that the browser brought, or no longer knows it."""


class ProviderError(RetryableError):
    """The provider does not answer, or not as OpenID Connect requires. Has no values."""
