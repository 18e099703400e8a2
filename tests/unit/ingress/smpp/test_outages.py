"""An outage is a line when it begins and a line when it ends, however often a loop asks."""

import logging

import pytest

from inbound.errors import RetryableError
from inbound.ingress.smpp.outages import Outage


def test_begin_and_end_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage("deliveries over SMPP")
    outage.works()
    for reason in ("it is away", "it is away", "it starts up"):
        outage.waits(RetryableError(reason))
    outage.works()
    outage.works()
    outage.waits(RetryableError("it is away"))
    assert caplog.messages == [
        "deliveries over SMPP wait: it is away",
        "deliveries over SMPP wait: it starts up",
        "the database can be reached again: deliveries over SMPP continue",
        "deliveries over SMPP wait: it is away",
    ]
