"""docs/OPERATORS.md, "Rotating the vault key" and "the subject key", on a service at work."""

import json

import pytest

from tests.fix_service import ROLES, SUBJECT_KEY, VAULT_KEY, Service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

NEW = bytes(range(100, 132))
KEY, OTHER = "SCSERV_VAULT_KEY", "SCSERV_OTHER_VAULT_KEY"
SUBJECT, OTHER_SUBJECT = "SCSERV_SUBJECT_KEY", "SCSERV_OTHER_SUBJECT_KEY"


async def restart(service: Service, key: bytes, other: bytes | None) -> None:
    """Give every process these keys, one after the other."""
    service.extra_environment[KEY] = key.hex()
    service.extra_environment[OTHER] = "" if other is None else other.hex()
    await restart_all(service)


async def restart_all(service: Service) -> None:
    """Replace every process, one after the other."""
    for role in ROLES:
        before = service.one(role)
        await service.start(role)
        await service.stop(before)


async def answers(service: Service, number: str, requests: int) -> None:
    """Text for registration data, which is sealed, and wait for it."""
    await service.text(number, "CLIENT info")
    await service.completed(number, requests=requests)


async def test_the_vault_key_is_rotated_while_texts_are_answered(service: Service) -> None:
    service.extra_environment["SCSERV_POLICIES__DUPLICATE_WITHIN_S"] = "0"
    client, later = service.new_client(), service.new_numbers(1)[0]
    await restart(service, VAULT_KEY, None)
    await answers(service, client.number, 1)
    unset = await service.command("keys", "rotate")
    assert "SCSERV_OTHER_VAULT_KEY is not set" in unset.err

    service.extra_environment |= {KEY: NEW.hex(), OTHER: VAULT_KEY.hex()}
    early = await service.command("keys", "rotate")
    assert early.status == 2, early.out
    assert "can't open what the new SCSERV_VAULT_KEY seals" in early.err
    assert all(f"{role} " in early.err for role in ROLES)

    await restart(service, VAULT_KEY, NEW)
    await answers(service, client.number, 2)
    await restart(service, NEW, VAULT_KEY)
    await answers(service, client.number, 3)
    await service.text(later, "CLIENT sms stop")  # a number that is sealed with the new key alone
    await service.completed(later)
    before = await service.command("keys", "status")
    assert before.status == 1, before.out
    done = await service.command("keys", "rotate")
    assert done.status == 0, done.err
    assert "nothing is sealed with SCSERV_OTHER_VAULT_KEY any more" in done.out
    after = await service.command("keys", "status")
    assert (after.status, ": 0 open with" in after.out) == (0, True)

    await restart(service, NEW, None)
    await answers(service, client.number, 4)
    assert service.script.texts_to(client.number).count(client.registration) == 4
    assert service.value("SELECT count(*) FROM dead_letters") == 0
    service.extra_environment[KEY] = VAULT_KEY.hex()
    old = await service.command("erase", "--phone", later, "--reason", "a test", "--yes")
    assert "was retired at" in old.err
    assert "new, empty database" not in old.err
    service.extra_environment[KEY] = NEW.hex()


async def orders(service: Service, number: str) -> str:
    """Order a message under the same key as always, and return the id of the order."""
    ran = await service.command(
        *("notify", "--phone", number, "--text", "once", "--once", "case-1", "--json")
    )
    assert ran.status == 0, ran.err
    order_id: str = json.loads(ran.out)["id"]
    return order_id


async def test_the_subject_key_is_rotated_while_texts_are_answered(service: Service) -> None:
    service.extra_environment["SCSERV_POLICIES__DUPLICATE_WITHIN_S"] = "0"
    await restart_all(service)
    number = service.new_client().number
    await answers(service, number, 1)
    order = await orders(service, number)

    both = {SUBJECT: NEW.hex(), OTHER_SUBJECT: SUBJECT_KEY.hex()}
    service.extra_environment[SUBJECT] = NEW.hex()
    early = await service.command("status")
    assert early.status in {0, 1}, early.err  # needs no key
    refused = await service.command("timeline", "--phone", number)
    assert "SCSERV_SUBJECT_KEY does not fit this database" in refused.err
    service.extra_environment |= both
    begun = await service.command("keys", "rotate-subject")
    assert begun.status == 2, begun.out
    assert "1 of 3" in begun.out
    assert f"0 of {len(ROLES)} running processes have it" in begun.out
    assert all(f"{role} " in begun.err for role in ROLES)

    # A process may still start with the old key, and half of them have the new one for a while.
    service.extra_environment |= {SUBJECT: SUBJECT_KEY.hex(), OTHER_SUBJECT: ""}
    before = service.one("worker")
    await service.start("worker")
    await service.stop(before)
    await answers(service, number, 2)
    service.extra_environment[SUBJECT] = NEW.hex()
    for role in ROLES:
        before = service.one(role)
        await service.start(role)
        await service.stop(before)
        if role == ROLES[len(ROLES) // 2]:
            await answers(service, number, 3)
            halfway = await service.command("keys", "rotate-subject")
            assert halfway.status == 2, halfway.out
    done = await service.command("keys", "rotate-subject")
    assert done.status == 0, done.err
    assert "no other subject key opens the database any more" in done.out

    await restart_all(service)
    await answers(service, number, 4)
    assert await orders(service, number) == order
    assert service.accepted(number) == ["client_info"] * 4  # of one subject
    keys = [record.key for record in service.records(service.names.mo)]
    assert keys.count(service.key_of(number)) == 4
    assert service.script.texts_to(number).count("once") == 1
    assert service.value("SELECT count(*) FROM dead_letters") == 0
    service.extra_environment[SUBJECT] = SUBJECT_KEY.hex()
    old = await service.command("timeline", "--phone", number)
    assert (old.status, "was rotated away at" in old.err) == (2, True)
    service.extra_environment[SUBJECT] = NEW.hex()
