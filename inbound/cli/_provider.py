"""The OpenID provider of the settings."""

from typing import TYPE_CHECKING

from inbound.errors import MissingSettingError
from inbound.settings import Settings

if TYPE_CHECKING:
    from inbound.desk.identity.sign_in import SignIn
    from inbound.desk.provider.provider_sign_in import ProviderSignIn
    from inbound.store.connection_pool import ConnectionPool


def check_provider(settings: Settings) -> None:
    """Raise SetupError if the provider's settings can't work."""
    from inbound.desk.provider.role_mapping import parse_mapping

    parse_mapping(settings.oidc.roles_claim, settings.oidc.roles)
    if settings.oidc.issuer and not settings.desk.address:
        raise MissingSettingError("SCSERV_DESK__ADDRESS")


def provider_of(
    settings: Settings, pool: "ConnectionPool", sign_in: "SignIn"
) -> "ProviderSignIn | None":
    """Return the sign-in at the provider, None if users sign in with passwords alone."""
    if not settings.oidc.issuer:
        return None
    from inbound.clock import utc_now
    from inbound.desk.provider.client import ProviderClient
    from inbound.desk.provider.provider_routes import BACK
    from inbound.desk.provider.provider_sign_in import ProviderSignIn
    from inbound.desk.provider.role_mapping import parse_mapping
    from inbound.startup import make_cipher

    address = settings.desk.address.rstrip("/")
    return ProviderSignIn(
        ProviderClient(settings.oidc, address + BACK, utc_now),
        pool,
        sign_in.sessions,
        sign_in.throttle,
        make_cipher(settings),
        roles=parse_mapping(settings.oidc.roles_claim, settings.oidc.roles),
        clock=utc_now,
        sign_out_back=f"{address}/sign-in",
    )
