"""What `scserv up` says of the ingress, and leaves in service.json."""

from pathlib import Path

import pytest

from inbound.local.service import LocalService
from inbound.service_file import read_service_file
from inbound.settings import Settings


@pytest.mark.parametrize("on", [True, False])
def test_the_smtp_server_is_named_if_it_is_on(tmp_path: Path, *, on: bool) -> None:
    settings = Settings()
    changed = settings.smtp_server.model_copy(update={"on": on, "port": 0})
    settings = settings.model_copy(update={"smtp_server": changed})
    tmp_path.chmod(0o700)
    service = LocalService(
        settings, tmp_path, None, None, built_in_simulator=True, operator="tests"
    )
    environment = service._listener_environment("ingress", {})
    port = int(environment["SCSERV_SMTP_SERVER__PORT"])
    assert (f" smtp 127.0.0.1:{port}" in service._entry_points()) is on
    left = read_service_file(tmp_path).get("smtp_server", {})
    assert (left.get("port") == port) is on
