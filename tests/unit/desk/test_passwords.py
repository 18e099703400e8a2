"""Which passwords are accepted, and how they are stored."""

import pytest

from inbound.desk.identity.passwords import (
    PasswordError,
    check_password,
    fits,
    hash_password,
    needs_upgrade,
)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elevenchars",
        "x" * 257,
        "aaaaaaaaaaaa",
        "abababababab",
        "password1234",
        "Password2024!",
        "PASSWORDPASSWORD",
        "qwertyuiop123",
        "йцукенгшщзхъ",
        "123456789012",
        "ivanova's secret",
        "correct horse battery staple",
    ],
)
def test_short_and_common_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordError):
        check_password(password, "ivanova")


@pytest.mark.parametrize(
    "password",
    ["seven green umbrellas", "семь зелёных зонтов", "x7Kq2mZ9pLwT", "x" * 100 + "abcdef"],
)
def test_long_passwords_of_any_characters_are_accepted(password: str) -> None:
    check_password(password, "ivanova")


def test_the_hash_is_argon2id_and_fits_the_password_alone() -> None:
    stored = hash_password("seven green umbrellas")
    assert stored.startswith("$argon2id$")
    assert fits("seven green umbrellas", stored)
    assert not fits("seven green umbrella", stored)
    assert not fits("seven green umbrellas", None)
    assert not fits("seven green umbrellas", "no hash at all")
    assert not needs_upgrade(stored)
    assert needs_upgrade("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43)


def test_it_does_not_matter_how_a_keyboard_composes_a_letter() -> None:
    assert fits("семь зелёных", hash_password("семь зеле\u0308ных"))
