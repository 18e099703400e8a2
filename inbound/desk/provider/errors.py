"""What goes wrong with the provider; apart from its client, which few desks import."""

from inbound.errors import RetryableError, ScservError


class BadTokenError(ScservError):
    """An ID token is not valid. The text names the claim at most, never a value."""


class CodeRefusedError(ScservError):
    """The provider does not know the code that the browser brought, or not any more."""


class ProviderError(RetryableError):
    """The provider does not answer, or not as OpenID Connect wants it. Has no values."""
