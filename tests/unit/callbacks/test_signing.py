"""Signatures are those of Standard Webhooks, and no secret is made twice."""

import base64

from inbound.callbacks.signing import PREFIX, SECRET_BYTES, new_secret, signed_headers


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the specification's reference libraries."""
    found = signed_headers(
        ["whsec_plJ3nmyCDGBKInavdOK15jsl"],
        "msg_loFOjxBNrRLzqYUf",
        1731705121,
        b'{"event_type":"ping","data":{"success":true}}',
    )
    assert found == {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }


def test_while_a_secret_is_rotated_there_is_a_signature_by_each() -> None:
    new, old = new_secret(), new_secret()
    both = signed_headers([new, old], "id", 1, b"{}")["webhook-signature"].split(" ")
    alone = [signed_headers([one], "id", 1, b"{}")["webhook-signature"] for one in (new, old)]
    assert both == alone


def test_a_secret_is_long_and_new() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix(PREFIX))) == SECRET_BYTES
