"""docs/OPERATORS.md, "Rotating the vault key", phase by phase on a service at work."""

import pytest

from tests.fix_service import ROLES, VAULT_KEY, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = bytes(range(100, 132))
KEY, OTHER = "SCSERV_VAULT_KEY", "SCSERV_OTHER_VAULT_KEY"


async def restart(service: Service, key: bytes, other: bytes | None) -> None:
    """Give every process these keys, one after the other."""
    service.extra_environment[KEY] = key.hex()
    service.extra_environment[OTHER] = "" if other is None else other.hex()
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
    assert "was rotated away at" in old.err
    assert "new, empty database" not in old.err
    service.extra_environment[KEY] = NEW.hex()
