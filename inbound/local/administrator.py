"""The first user of the desk, for the newcomer who runs `scserv up`."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from inbound.clock import utc_now
from inbound.desk.identity import users
from inbound.desk.identity.passwords import fits, hash_password
from inbound.desk.roles import Role
from inbound.private_files import read_secret, write_file
from inbound.store.access.desk_users import find_user, list_users
from inbound.store.connections import connect

NAME: Final = "admin"
FILE: Final = "keys/desk_password"
_VERIFIED: Final = "keys/desk_password.verified"
"""A digest of the password in `FILE` with its hash of the database, once they were found to fit:
to find that out takes a quarter of a second of CPU."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """What `scserv up` prints of the user `admin`; `password` is "" if it was changed."""

    exists: bool = False
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Return how to sign in, to follow an address."""
        if not self.exists:
            return ""
        return f" user {NAME} " + (
            f"password {self.password}" if self.password else "(your password)"
        )


def prepare_administrator(url: str, data_dir: Path, who: str) -> Administrator:
    """Create the user `admin` if the desk has no users yet. Blocks on the database.

    Their actor in the audit is `who`, who runs the service: a newcomer at the desk and in the
    terminal is one person, whom no rule about a second person has to stop.
    """
    path = data_dir / FILE
    with connect(url, "scserv up") as connection:
        user = find_user(connection, NAME)
        if user is not None:
            stored = read_secret(path).strip() if path.exists() else ""
            works = (
                bool(stored)
                and user.disabled_at is None
                and _fits(stored, user.password_hash, data_dir / _VERIFIED)
            )
            return Administrator(user.disabled_at is None, stored if works else "")
        if list_users(connection):
            return Administrator()
        password = users.new_password()
        write_file(path, password + "\n")
        users.create(
            connection,
            users.AuditStamp(who, utc_now()),
            user_id=uuid4(),
            name=NAME,
            roles=[Role.ADMINISTRATOR],
            password_hash=hash_password(password),
            actor=who,
        )
    return Administrator(exists=True, password=password)


def _fits(password: str, password_hash: str, verified: Path) -> bool:
    """Whether the password has this hash; for each pair it is verified once."""
    pair = hashlib.sha256(f"{password}\n{password_hash}".encode()).hexdigest()
    if verified.exists() and read_secret(verified).strip() == pair:
        return True
    if not fits(password, password_hash):
        return False
    write_file(verified, pair + "\n")
    return True
