"""`scserv settings` lists what can be set, in the form in which it is set."""

from click.testing import CliRunner

from inbound.cli.setup import settings


def test_everything_that_can_be_set_is_listed() -> None:
    lines = CliRunner().invoke(settings).output.splitlines()
    assert "SCSERV_SMPP__TLS=false    [smpp] tls" in lines
    assert "SCSERV_VAULT_KEY    vault_key" in lines
    assert "SCSERV_HEALTH_PORT=0    health_port" in lines
    assert lines[-2] == "only in a TOML file    [[binds]]"
