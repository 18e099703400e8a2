"""Builds the SMPP client's settings, and the TLS context, from a bind's configuration."""

import ssl

from inbound.errors import SetupError
from inbound.ops.certificates import note_own
from inbound.settings import SmppSettings
from inbound.smpp.bind_settings import BindSettings, BindType

_VERSIONS = {"3.4": 0x34, "5.0": 0x50}


def bind_settings(settings: SmppSettings) -> BindSettings:
    """Return the settings of a bind's SMPP client."""
    host, _, port = settings.standby.rpartition(":")
    return BindSettings(
        settings.host,
        settings.port,
        settings.system_id,
        settings.password.get_secret_value(),
        name=settings.bind,
        standby=(host, int(port)) if host else None,
        bind_type=BindType(settings.type),
        interface_version=_VERSIONS[settings.interface_version],
        system_type=settings.system_type,
        window=settings.window,
        rate=settings.rate,
        enquire_link_s=settings.enquire_link_s,
        response_timeout_s=settings.response_timeout_s,
        reconnect_min_s=settings.reconnect_min_s,
        reconnect_max_s=settings.reconnect_max_s,
        strict=settings.strict,
    )


def tls(settings: SmppSettings) -> ssl.SSLContext | None:
    """Return the TLS context of a bind, None without TLS. Raises `SetupError`."""
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
        if settings.tls_cert is not None:
            context.load_cert_chain(settings.tls_cert)
            note_own(f"ours for {settings.bind}", settings.tls_cert)
    except (OSError, ssl.SSLError) as error:
        files = " or ".join(str(p) for p in (settings.tls_ca, settings.tls_cert) if p)
        raise SetupError(f"bind {settings.bind}: TLS: can't use {files}: {error}") from error
    return context
