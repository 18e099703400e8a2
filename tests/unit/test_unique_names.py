"""JSON that is read in one way only."""

import codecs

import pytest

from inbound import unique_names


def test_a_field_may_be_named_once() -> None:
    with pytest.raises(unique_names.RepeatedNameError):
        unique_names.loads(b'{"to": 1, "to": 2}')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_octets_are_utf_8(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"can't decode|Expecting|control"):
        unique_names.loads('{"to": "Ж"}'.encode(encoding))


def test_the_mark_before_utf_8_is_no_part_of_it() -> None:
    assert unique_names.loads(codecs.BOM_UTF8 + '{"to": "Ж"}'.encode()) == {"to": "Ж"}
