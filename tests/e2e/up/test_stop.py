"""`scserv up` after its end: none of its processes is left, and no canary is in its files."""

from tests.canaries import Canaries
from tests.e2e.up.running import NUMBER, SECRETS, Up
from tests.searching import files_in, in_file


def test_nothing_is_left_but_files_without_secrets_and_numbers(up: Up) -> None:
    family = up.processes()
    assert up.stop() == 0
    assert [one for one in family if one.is_running()] == []
    assert not Canaries(*SECRETS, NUMBER[1:]).sing_in(up.said.encode())
    files = list(files_in(up.folder))
    assert {"service.json", "gateway.log", "PG_VERSION"} <= {path.name for path in files}
    for path in files:
        kept = any(part.startswith("sms.mo.v1-") for part in path.parts)
        canaries = Canaries(*SECRETS) if kept else Canaries(*SECRETS, NUMBER[1:])
        assert not in_file(path, canaries), path
