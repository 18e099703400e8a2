"""What `scserv callbacks` says of an account that nobody has set a URL for."""

import json

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


def test_an_account_is_called_in_the_form_that_was_chosen(
    settings_of_the_service: None,
) -> None:
    chosen = ["set", "default", "https://example.org/sms.php", "--form", "smsc"]
    ran = CliRunner().invoke(callbacks, [*chosen, "--commands"])
    assert "--commands: SMSC's form has no calls" in str(ran.exception)
    assert CliRunner().invoke(callbacks, chosen).exit_code == 0
    assert "(SMSC's form)" in CliRunner().invoke(callbacks, ["list"]).output
    listed = CliRunner().invoke(callbacks, ["list", "--json"])
    assert json.loads(listed.output)["form"] == "smsc"
    assert CliRunner().invoke(callbacks, chosen[:3]).exit_code == 0
    listed = CliRunner().invoke(callbacks, ["list", "--json"])
    assert json.loads(listed.output)["form"] == "scserv"
