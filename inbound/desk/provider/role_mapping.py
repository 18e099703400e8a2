"""Maps groups of the provider to roles at the desk. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inbound.desk.roles import Role, parse_roles
from inbound.errors import SetupError

SETTING = "SCSERV_OIDC__ROLES"


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """Roles by group; `claim` has the groups."""

    claim: str
    roles: Mapping[str, frozenset[Role]]

    def of(self, groups: Iterable[str]) -> frozenset[Role]:
        """Return the roles of somebody in these groups."""
        return frozenset().union(*(self.roles.get(group, frozenset()) for group in groups))


def parse_mapping(claim: str, text: str) -> RoleMapping | None:
    """Return the mapping of the settings, None if roles are given at the desk.

    `text` is GROUP=ROLE,ROLE; GROUP=ROLE. Raises SetupError.
    """
    if not claim:
        return None
    roles: dict[str, frozenset[Role]] = {}
    for entry in text.split(";"):
        if not entry.strip():
            continue
        # A group may be a distinguished name, which has equals signs.
        group, _, named = entry.rpartition("=")
        roles[group.strip()] = roles.get(group.strip(), frozenset()) | parse_roles(named, SETTING)
    if not any(roles.values()) or "" in roles:
        raise SetupError(f"{SETTING}: write GROUP=ROLE, with ; between several groups")
    return RoleMapping(claim, roles)
