"""Settings by which no registration is held, however many a test asks for."""

from typing import Final

NO_CEILINGS: Final = {
    "SCSERV_POLICIES__REGISTRATIONS_PER_MINUTE": "0",
    "SCSERV_POLICIES__REGISTRATIONS_PER_HOUR": "0",
    "SCSERV_POLICIES__REGISTRATIONS_PER_CENTRE_HOUR": "0",
}
