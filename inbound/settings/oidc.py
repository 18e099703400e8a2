"""The settings for signing in at an OpenID provider."""

import re
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_SAFE: Final = re.compile(
    r"(?:https://(?P<host>[^\s/?#@:\\\[\]]+|\[[0-9A-Fa-f:.]+\])"
    r"|http://(?:localhost|127\.0\.0\.1|\[::1\]))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?][^\s#]*)?"
)
_PORTS: Final = range(1, 65536)


class OidcSettings(BaseModel):
    """Settings of the OpenID provider where users of the desk sign in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    issuer: str = Field(
        default="",
        description="its issuer, as https://id.example.org/realms/staff; empty: users sign in with "
        "passwords",
    )
    client_id: str = Field(default="", description="what the provider calls the desk")
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="secret of client_id; empty for a public client"
    )
    title: str = Field(
        default="OpenID", min_length=1, max_length=40, description="what the pages call it"
    )
    scopes: str = Field(
        default="openid email", description="scopes that the desk asks for, separated by spaces"
    )
    user_claim: str = Field(
        default="email",
        min_length=1,
        description="claim of the ID token by which a user is found the first time; later it is "
        "`sub`. An e-mail address counts only with email_verified",
    )
    roles_claim: str = Field(
        default="",
        description="claim with the user's groups, a path with dots such as realm_access.roles; "
        "empty: roles are given at the desk",
    )
    roles: str = Field(
        default="",
        description="which group has which role, as staff-support=support; staff-it=administrator",
    )
    passwords: bool = Field(
        default=True,
        description="whether users of the provider may sign in with a password, too",
    )

    @field_validator("issuer")
    @classmethod
    def _check_issuer(cls, issuer: str) -> str:
        if issuer and not is_safe_address(issuer):
            raise ValueError("write an https:// address; http:// only on loopback")
        return issuer

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.issuer:
            return self
        if not self.client_id:
            raise ValueError("issuer is set without client_id: set both")
        if "openid" not in self.scopes.split():
            raise ValueError("scopes need openid")
        if bool(self.roles_claim) is not bool(self.roles):
            raise ValueError("roles_claim and roles belong together: set both or neither")
        return self


def is_safe_address(address: str) -> bool:
    """Whether it is an address where nobody in between can read or change the traffic.

    That is TLS, or loopback.
    """
    found = _SAFE.fullmatch(address)
    if found is None or not address.isprintable():
        return False
    try:
        (found["host"] or "").encode("idna")
    except UnicodeError:  # a label that is empty or too long
        return False
    return found["port"] is None or int(found["port"]) in _PORTS
