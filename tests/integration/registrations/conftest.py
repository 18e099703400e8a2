"""The environment in which commands find the database and the keys."""

import pytest

from tests.fix_store import SUBJECT_KEY, VAULT_KEY


@pytest.fixture
def settings_of_the_service(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", SUBJECT_KEY.hex())
    monkeypatch.setenv("SCSERV_VAULT_KEY", VAULT_KEY.hex())
