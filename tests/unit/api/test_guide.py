"""What docs/API.md says about messages is so: its examples, its table of fields, its numbers."""

import json
import re
from pathlib import Path

import pytest

from inbound.api.message_pages import MessageSearch
from inbound.api.message_requests import MessageToSend
from inbound.api.request_pages import DEFAULT_DAYS, MAX_PAGE_SIZE, RequestSearch

GUIDE = (Path(__file__).parents[3] / "docs" / "API.md").read_text("utf-8")
SENDING = re.compile(
    r'^curl \S+/v1/messages .*?-H "Idempotency-Key: (\S+)".*?--json \'(\{.*?\})\'$',
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = [
    (key, body.replace("'$TOMORROW'", "2026-02-01")) for key, body in SENDING.findall(GUIDE)
]
ROWS = re.compile(r"^\| field of a message \|.*\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
PAGES = re.compile(
    r"A page has (\d+), or up to\s+(\d+) with `limit`; without `since` a search goes"
    r" back (\d+) days"
)


def test_each_example_has_a_key_of_its_own() -> None:
    """A reader sends them one after the other, so with a key twice the second is refused."""
    keys = [key for key, _ in EXAMPLES]
    assert len(keys) >= 4
    assert sorted(set(keys)) == sorted(keys)


@pytest.mark.parametrize(("key", "body"), EXAMPLES)
def test_the_message_of_an_example_can_be_sent(key: str, body: str) -> None:
    MessageToSend.model_validate(json.loads(body))


def test_the_table_has_every_field_of_a_message() -> None:
    (rows,) = ROWS.findall(GUIDE)
    named = [name for row in rows.splitlines() for name in re.findall("`(.+?)`", row.split("|")[1])]
    assert sorted(named) == sorted(MessageToSend.model_fields)


def test_pages_and_searches_are_as_long_as_it_says() -> None:
    ((default, most, days),) = PAGES.findall(GUIDE)
    assert (int(most), int(days)) == (MAX_PAGE_SIZE, DEFAULT_DAYS)
    for search in (MessageSearch, RequestSearch):
        assert search.model_fields["limit"].default == int(default)
