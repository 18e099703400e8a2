"""Every setting of the service: `SCSERV_*` variables, a TOML file, or the default.

`model` and `smpp` declare the settings, `sources` reads them. To add one, declare a field
with a description; its variable, its place in TOML and `scserv settings` follow from it.
"""

from inbound.settings.listeners import (
    ApiSettings,
    DeskSettings,
    IngressSettings,
    ListenerSettings,
    SmppServerSettings,
    SmtpServerSettings,
    TcpSettings,
)
from inbound.settings.model import PREFIX, Settings
from inbound.settings.oidc import OidcSettings
from inbound.settings.smpp import SmppSettings
from inbound.settings.sources import (
    load_partial_settings,
    load_settings,
    read_settings_file,
    setting_variables,
)

__all__ = [
    "PREFIX",
    "ApiSettings",
    "DeskSettings",
    "IngressSettings",
    "ListenerSettings",
    "OidcSettings",
    "Settings",
    "SmppServerSettings",
    "SmppSettings",
    "SmtpServerSettings",
    "TcpSettings",
    "load_partial_settings",
    "load_settings",
    "read_settings_file",
    "setting_variables",
]
