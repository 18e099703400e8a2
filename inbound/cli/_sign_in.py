"""Builds the sign-in of the desk from the settings."""

from typing import TYPE_CHECKING

from inbound.errors import MissingSettingError
from inbound.keys import IndexKey
from inbound.settings import Settings

if TYPE_CHECKING:
    from inbound.desk.identity.sign_in import SignIn
    from inbound.desk.provider.provider_sign_in import ProviderSignIn
    from inbound.desk.roles import Role
    from inbound.store.connection_pool import ConnectionPool


def check_sign_in(settings: Settings) -> None:
    """Raise SetupError if these settings can't work."""
    from inbound.desk.provider.role_mapping import parse_mapping

    _factor_roles(settings)
    parse_mapping(settings.oidc.roles_claim, settings.oidc.roles)
    if settings.oidc.issuer and not settings.desk.address:
        raise MissingSettingError("SCSERV_DESK__ADDRESS")


def sign_in_of(settings: Settings, index_key: IndexKey, pool: "ConnectionPool") -> "SignIn":
    """Return the sign-in with passwords."""
    from datetime import timedelta
    from uuid import uuid4

    from inbound.clock import utc_now
    from inbound.desk.identity.sign_in import SignIn
    from inbound.startup import make_cipher
    from inbound.store.access.desk_sessions import SessionLimits

    own = settings.desk
    limits = SessionLimits(
        idle=timedelta(minutes=own.idle_minutes), absolute=timedelta(hours=own.session_hours)
    )
    return SignIn(
        pool,
        limits,
        index_key,
        make_cipher(settings),
        clock=utc_now,
        new_id=uuid4,
        factor_roles=_factor_roles(settings),
        passwords_of_all=settings.oidc.passwords or not settings.oidc.issuer,
    )


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


def _factor_roles(settings: Settings) -> "frozenset[Role]":
    from inbound.desk.roles import parse_roles

    return parse_roles(settings.desk.second_factor_roles, "SCSERV_DESK__SECOND_FACTOR_ROLES")
