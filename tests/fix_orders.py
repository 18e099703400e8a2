"""Builders for tests of orders: an intake on any store, and orders."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from inbound.directory.memory import MemoryDirectory
from inbound.directory.port import Registration
from inbound.keys import OrderHasher, SubjectHasher
from inbound.orders.intake import Intake
from inbound.orders.ports import NoTemplates, OrderTemplates
from inbound.orders.tools import IntakeSettings, IntakeTools
from inbound.store.transactions.port import Store
from schemas.orders import Order
from schemas.topics import TopicNames
from tests.fix_store import SUBJECT_KEY

CLIENT, OTHER_CLIENT, STRANGER = "+79161234501", "+79161234502", "+79161234503"
CLIENTS = {
    CLIENT: Registration("c-1", "1234", "ivanov", "1a2b"),
    OTHER_CLIENT: Registration("c-2", "1235", "petrov", "1a2b"),
}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def intake_on(
    store: Store,
    *,
    clock: Callable[[], datetime] = lambda: NOON,
    templates: OrderTemplates | None = None,
) -> Intake:
    """Return an intake on a store, with two clients in the directory."""
    tools = IntakeTools(
        store=store,
        directory=MemoryDirectory(CLIENTS),
        templates=templates or NoTemplates(),
        subject_hasher=SubjectHasher(SUBJECT_KEY),
        order_hasher=OrderHasher(SUBJECT_KEY),
        new_id=uuid4,
        clock=clock,
    )
    return Intake(tools, IntakeSettings("SCSERV", "gsm0338", TopicNames()))


def order(**fields: Any) -> Order:
    """Return an order to the client, of a text, unless `fields` say otherwise."""
    values: dict[str, Any] = {"text": "Заявка 7 выполнена."}
    if not {"phone", "client_id", "subject_id"} & fields.keys():
        values["phone"] = CLIENT
    if "template" in fields:
        del values["text"]
    return Order(**(values | fields))
