"""What `scserv callbacks` says of an account that nobody has set a URL for."""

import json
import os

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli.callbacks import callbacks


@pytest.mark.parametrize("command", ["dead", "retry"])
def test_an_account_without_a_url_is_refused(database_url: str, command: str) -> None:
    ran = CliRunner().invoke(
        callbacks, [command, "no-such-account"], env={"SCSERV_DATABASE_URL": database_url}
    )
    assert ran.exit_code != 0
    assert "account no-such-account has no URL" in str(ran.exception)


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
    with psycopg.connect(os.environ["SCSERV_DATABASE_URL"], autocommit=True) as conn:
        conn.execute(
            "INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at) "
            "VALUES ('default', gen_random_uuid(), 'message.delivered', '{}', now(), now())"
        )
    ran = CliRunner().invoke(callbacks, chosen)
    assert "wait" not in ran.output, "the form stays the same"
    ran = CliRunner().invoke(callbacks, chosen[:3])
    assert ran.exit_code == 0
    assert "1 call that waits is made in the new form" in ran.output
    listed = CliRunner().invoke(callbacks, ["list", "--json"])
    assert json.loads(listed.output)["form"] == "scserv"
    back = CliRunner().invoke(callbacks, chosen)
    assert (
        "1 call that waits is made in SMSC's form; those that it can't express are given up"
        in back.output
    )
