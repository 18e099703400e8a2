"""Keys: what is sealed opens in its place only, and no error shows a key or a number."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbound.errors import PoisonError, SetupError
from inbound.keys import IndexKey, SubjectHasher, UnsealError, VaultCipher, fingerprint, parse_key

KEY, OTHER = IndexKey(bytes(range(32))), IndexKey(bytes(32))


def test_hash_of_a_number_is_fixed() -> None:
    """HMAC-SHA256 (RFC 2104), first 16 bytes. Changed, it would orphan every stored number."""
    hashed = SubjectHasher(KEY).hash("+79161234567")
    assert hashed.hex() == "35112aea3b0c83c4f1b2af959b6ac6b4"
    assert SubjectHasher(KEY).hash("+79161234567") == hashed
    assert SubjectHasher(KEY).hash("+79161234568") != hashed
    assert SubjectHasher(OTHER).hash("+79161234567") != hashed


@pytest.mark.parametrize("number", ["79161234567", "", "+", "+7916 1234567", "+٧٩٠٣١٢٣٤٥٦٧"])
def test_only_the_canonical_form_is_hashed(number: str) -> None:
    with pytest.raises(ValueError, match="form") as caught:
        SubjectHasher(KEY).hash(number)
    assert not number or number not in str(caught.value)


@given(st.binary(), st.binary())
def test_sealed_bytes_open_again(plaintext: bytes, context: bytes) -> None:
    cipher = VaultCipher(KEY)
    sealed = cipher.seal(plaintext, context)
    assert cipher.open(sealed, context) == plaintext
    assert cipher.seal(plaintext, context) != sealed


def test_form_of_sealed_bytes_is_fixed() -> None:
    sealed = VaultCipher(KEY, random=lambda n: b"n" * n).seal(b"1a2b3c4d", b"context")
    assert sealed.hex() == (
        "016e6e6e6e6e6e6e6e6e6e6e6e963a250b863f839bf938c0042e035d2a6c6e15be731da983"
    )


def test_changed_bytes_do_not_open() -> None:
    cipher = VaultCipher(KEY)
    sealed = cipher.seal(b"1a2b3c4d", b"here")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(UnsealError):
            cipher.open(bytes(changed), b"here")
    for length in range(len(sealed)):
        with pytest.raises(UnsealError):
            cipher.open(sealed[:length], b"here")


def test_sealed_bytes_open_nowhere_else() -> None:
    sealed = VaultCipher(KEY).seal(b"CANARY", b"here")
    for key, context in ((OTHER, b"here"), (KEY, b"there")):
        with pytest.raises(UnsealError) as caught:
            VaultCipher(key).open(sealed, context)
        assert isinstance(caught.value, PoisonError)
        assert "CANARY" not in str(caught.value)
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(bytes([255] * 32)).decode(),
        KEY.hex(),
        KEY.hex().upper() + "\n",
    ],
)
def test_key_in_each_form(text: str) -> None:
    assert parse_key(text, "SCSERV_VAULT_KEY") in {KEY, bytes([255] * 32)}


@pytest.mark.parametrize(
    "text", ["", "CANARY", KEY.hex()[:-2], base64.b64encode(KEY[:-1]).decode(), "пароль" * 8]
)
def test_bad_key_names_the_setting_and_the_way_out(text: str) -> None:
    with pytest.raises(SetupError, match=r"SCSERV_VAULT_KEY.*openssl rand -base64 32") as caught:
        parse_key(text, "SCSERV_VAULT_KEY")
    assert not text or text not in str(caught.value)


def test_fingerprint_tells_keys_apart_and_does_not_show_them() -> None:
    assert fingerprint(KEY) == fingerprint(bytes(KEY))
    assert fingerprint(KEY) != fingerprint(OTHER)
    assert len(fingerprint(KEY)) == 8


@pytest.mark.parametrize("make", [SubjectHasher, VaultCipher])
def test_key_is_not_in_the_repr_and_its_length_is_checked(
    make: type[SubjectHasher | VaultCipher],
) -> None:
    assert KEY.hex() not in repr(make(KEY))
    with pytest.raises(ValueError, match="32 bytes") as caught:
        make(IndexKey(b"CANARY"))
    assert "CANARY" not in str(caught.value)
