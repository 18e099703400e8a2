"""The desk's words in Russian, by their English text; a module per page. Pure."""

from collections.abc import Mapping
from typing import Final

from inbound.desk.russian.accounts import ACCOUNTS
from inbound.desk.russian.audit import AUDIT
from inbound.desk.russian.broadcasts import BROADCASTS
from inbound.desk.russian.clients import CLIENTS
from inbound.desk.russian.common import COMMON
from inbound.desk.russian.jobs import JOBS
from inbound.desk.russian.sending import SENDING
from inbound.desk.russian.status import STATUS
from inbound.desk.russian.templates import TEMPLATES
from inbound.desk.russian.users import USERS
from inbound.tables.reasons import RUSSIAN as CELLS

PAGES: Final[tuple[Mapping[str, str], ...]] = (
    CELLS,
    *(COMMON, SENDING, TEMPLATES, BROADCASTS, CLIENTS, ACCOUNTS, STATUS, AUDIT, USERS, JOBS),
)
RUSSIAN: Final[Mapping[str, str]] = {
    english: russian for page in PAGES for english, russian in page.items()
}
