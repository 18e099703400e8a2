"""Reports which submit_sm of one bind its SMS centre refuses or leaves unanswered.

The first refusal with each command_status is logged, once for the life of the process, and the
first missing answer of an outage, which ends with the next answer. No line contains a number or
a text.
"""

import asyncio
import logging
from typing import Final

from inbound.smpp.errors import UnansweredError
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import explain, is_temporary, is_throttle

log = logging.getLogger(__name__)

MOST_STATUSES: Final = 100
"""The specification has about 50; a hostile centre may make up four billion."""


class RefusalReport:
    """Logs the refusals and missing answers of one bind."""

    def __init__(self, centre: str, bind: str) -> None:
        self._centre = centre
        self._bind = bind
        self._logged: set[int] = set()
        self._is_silent = False

    def note(self, answer: asyncio.Future[SubmitSmResp]) -> None:
        """Note how a submit_sm ended.

        One that was not sent, or cancelled, says nothing about the centre.
        """
        if answer.cancelled():
            return
        error = answer.exception()
        if error is None:
            self._is_silent = False
            self._note_status(answer.result().status)
        elif isinstance(error, UnansweredError):
            self._note_silence(error)

    def _note_status(self, status: int) -> None:
        if not status or status in self._logged or len(self._logged) >= MOST_STATUSES:
            return
        self._logged.add(status)
        log.warning(
            "bind %s: SMS centre %s refuses a submit_sm with %s. %s. This is logged once per bind "
            "and status",
            self._bind,
            self._centre,
            explain(status),
            _consequence(status),
        )

    def _note_silence(self, error: UnansweredError) -> None:
        if self._is_silent:
            return
        self._is_silent = True
        log.warning(
            "bind %s: SMS centre %s leaves a submit_sm unanswered: %s. The outcome is unknown: "
            "the message is submitted again if its template allows it. Until the next answer "
            "this is not logged again",
            self._bind,
            self._centre,
            error,
        )


def _consequence(status: int) -> str:
    if is_throttle(status):
        return "The bind pauses, and the message is submitted again"
    if is_temporary(status):
        return "The message is submitted again after a back-off"
    return (
        "The message is rejected and not submitted again; scserv.replies counts it as "
        'outcome="rejected"'
    )
