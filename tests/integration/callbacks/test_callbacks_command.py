"""What `scserv callbacks` says of an account that nobody has set a URL for."""

import pytest
from click.testing import CliRunner

from inbound.cli.callbacks import callbacks


@pytest.mark.parametrize("command", ["dead", "retry"])
def test_an_account_without_a_url_is_refused(database_url: str, command: str) -> None:
    ran = CliRunner().invoke(
        callbacks, [command, "no-such-account"], env={"SCSERV_DATABASE_URL": database_url}
    )
    assert ran.exit_code != 0
    assert "ACCOUNT: has no URL" in str(ran.exception)
