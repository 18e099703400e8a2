"""The forms that dialects give to credentials."""

import re

from inbound.ingress.credentials import md5_of, new_credentials, password_forms


def test_credentials_fit_every_dialect() -> None:
    made = new_credentials("shop", 7)
    assert (made.id, made.login) == (7, "shop")
    assert re.fullmatch("[A-Za-z0-9]{8}", made.password)  # SMPP takes no more
    assert re.fullmatch("[0-9a-f]{32}", made.key)
    assert len(str(made.service_id)) == 15
    other = new_credentials("shop", 7)
    assert not {other.password, other.key, other.service_id} & {
        made.password,
        made.key,
        made.service_id,
    }


def test_a_login_fits_a_system_id() -> None:
    assert new_credentials("a" * 15, 7).login == "a" * 15
    assert new_credentials("a" * 16, 7).login == "A7"


def test_no_secret_is_shown_by_accident() -> None:
    made = new_credentials("shop", 7)
    for secret in (made.password, made.key, str(made.service_id)):
        assert secret not in repr(made)


def test_a_password_is_given_plain_or_as_md5() -> None:
    md5 = md5_of("1a2b3c4d")
    assert md5 == "1897a69ef451f0991bb85c6e7c35aa31"
    assert md5 in password_forms("1a2b3c4d")
    assert md5 in password_forms(md5)
    assert md5 in password_forms(md5.upper())
    assert md5 not in password_forms("1a2b3c4e")
