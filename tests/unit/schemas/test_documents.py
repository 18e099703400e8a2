"""The AsyncAPI document and its page say what is on the topics, all of it and no more."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from pydantic_core import from_json

from inbound.kafka.records import ProducerRecord, of_event, of_head, of_subscription
from inbound.store.log.rows import RecordedEvent
from schemas.cloudevents import TYPE_PREFIX
from schemas.contracts import publication
from schemas.contracts.asyncapi import TOMBSTONE, document
from schemas.contracts.catalogue import Flow
from schemas.contracts.examples import EXAMPLES, METADATA, NOON, POSITION, SUBJECT
from schemas.contracts.page import page
from schemas.contracts.published import FLOW, Schema
from schemas.contracts.released import ReleaseRecord, load
from schemas.events import DomainEvent, PersonErased, SubscriptionStopped
from schemas.messages import LogHead
from schemas.topics import EVENTS, LOG_HEADS, SUBSCRIPTIONS

RELEASED = load()
DOCUMENT = document(RELEASED)
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
PUBLIC = {name for name, schema in RELEASED.types.items() if schema[FLOW] != Flow.INTERNAL}
ERASED = f"{TYPE_PREFIX}subscription.v1{TOMBSTONE}"


def test_every_public_type_is_described_and_nothing_internal() -> None:
    assert set(MESSAGES) == PUBLIC | {ERASED}
    assert {channel["address"] for channel in DOCUMENT["channels"].values()} == {
        name for name, topic in RELEASED.topics.items() if topic["public"]
    }
    on_channels = [
        name for channel in DOCUMENT["channels"].values() for name in channel["messages"]
    ]
    assert sorted(on_channels) == sorted(PUBLIC | {ERASED})


def recorded(event: DomainEvent) -> RecordedEvent:
    return RecordedEvent(
        POSITION, SUBJECT, 2, event.TYPE, event.VERSION, event.to_json(), METADATA, NOON
    )


def really_sent(name: str) -> ProducerRecord:
    events = [one for one in EXAMPLES if isinstance(one, DomainEvent)]
    if name == ERASED:
        erased = next(one for one in events if isinstance(one, PersonErased))
        return of_subscription(recorded(erased), SUBSCRIPTIONS)
    if name == f"{TYPE_PREFIX}subscription.v1":
        stopped = next(one for one in events if isinstance(one, SubscriptionStopped))
        return of_subscription(recorded(stopped), SUBSCRIPTIONS)
    if name == f"{TYPE_PREFIX}log.head.v1":
        return of_head(next(one for one in EXAMPLES if isinstance(one, LogHead)), LOG_HEADS)
    event = next(one for one in events if name == f"{TYPE_PREFIX}{one.TYPE}.v{one.VERSION}")
    return of_event(recorded(event), EVENTS)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_examples_are_what_is_really_sent(name: str) -> None:
    (example,) = MESSAGES[name]["examples"]
    if RELEASED.types[name.removesuffix(TOMBSTONE)][FLOW] == Flow.PUBLIC:
        record = really_sent(name)
        assert {key: value.decode() for key, value in record["headers"]} == example["headers"]
        if record["value"] is None:
            assert example["payload"] is None
        else:
            assert from_json(record["value"]).keys() == example["payload"].keys()
    for part in ("headers", "payload"):
        validator = Draft7Validator(MESSAGES[name][part], format_checker=FormatChecker())
        validator.validate(example[part])


def test_older_versions_stay_described_beside_the_newest() -> None:
    name = "ru.scserv.subscription.stopped.v1"
    newer = {**RELEASED.types, name.replace(".v1", ".v2"): RELEASED.types[name]}
    messages = list(document(ReleaseRecord(newer, RELEASED.topics))["components"]["messages"])
    place = messages.index(name)
    assert messages[place - 1] == "ru.scserv.subscription.stopped.v2"


class Links(HTMLParser):
    """The targets and ids of a page, and what it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.ids: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in {"script", "link", "img", "iframe"}:
            self.fetched.append(tag)
        if (identity := found.get("id")) is not None:
            self.ids.append(identity)
        if (target := found.get("href")) is not None:
            self.targets.add(target)


def test_the_page_stands_alone_and_its_links_lead_somewhere() -> None:
    html = page(DOCUMENT)
    links = Links()
    links.feed(html)
    assert not links.fetched
    assert not re.search(r"url\(|@import|https?://", html)
    assert len(links.ids) == len(set(links.ids))
    assert {target.removeprefix("#") for target in links.targets} <= set(links.ids)
    assert set(links.ids) >= PUBLIC


def fields_of(schema: Schema, prefix: str = "") -> list[str]:
    found = []
    for name, field in schema.get("properties", {}).items():
        found.append(f"{prefix}{name}")
        found += fields_of(field, f"{prefix}{name}.")
        found += fields_of(field.get("items", {}), f"{prefix}{name}[].")
    return found


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_page_shows_every_field(name: str) -> None:
    section = page(DOCUMENT).partition(f'<section id="{name}">')[2].partition("</section>")[0]
    shown = re.findall(r"<tr><td><code>(.+?)</code></td>", section)
    assert [re.sub(r"<[^>]+>", "", field) for field in shown] == fields_of(RELEASED.types[name])


def test_the_page_shows_no_markup_of_others() -> None:
    schema: Schema = {
        **RELEASED.types["ru.scserv.subscription.v1"],
        "description": "<script>alert(1)</script> & `<b>`",
    }
    changed = ReleaseRecord(
        {**RELEASED.types, "ru.scserv.subscription.v1": schema}, RELEASED.topics
    )
    html = page(document(changed))
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>" in html


def test_what_is_exported_is_what_is_public(tmp_path: Path) -> None:
    written = {path.name for path in publication.export(tmp_path / "new")}
    assert written == {f"{name}.json" for name in PUBLIC} | {"asyncapi.json", "asyncapi.html"}


def test_the_guide_names_every_type_and_topic() -> None:
    guide = (publication.ROOT / "docs" / "SUBSCRIBERS.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z][a-z_.-]*\.v\d+)`", guide))
    topics = {name for name, topic in RELEASED.topics.items() if topic["public"]}
    assert {name.removeprefix(TYPE_PREFIX) for name in PUBLIC} | topics <= named
    for link in re.findall(r"\]\(([^)#]+)\)", guide):
        assert (publication.ROOT / "docs" / link).is_file(), link
