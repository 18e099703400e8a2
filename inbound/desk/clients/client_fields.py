"""What pages and files of clients call the fields of a client: keys of the desk's words. Pure."""

from collections.abc import Mapping
from typing import Final

from inbound.directory.client_rows import MSISDN
from inbound.directory.rejection_words import WHOLE_ROW

FIELD_TITLES: Final[Mapping[str, str]] = {
    MSISDN: "Phone number",
    "client_id": "Client id",
    "personal_code": "Personal code",
    "login": "Login",
    "password": "Password",
    WHOLE_ROW: "Row",
}
"""Of each column, and of a whole row."""
