"""The SMPP server gets PDUs that no program should send."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inbound.smpp.errors import PduError
from inbound.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    SubmitSm,
    Unbind,
    decode,
    encode,
)
from inbound.smpp.status import Status
from tests.integration.ingress.fuzz_world import CANARY, FUZZING, PHONE_CANARY, Running, listeners
from tests.patience import PATIENCE_S
from tests.unit.smpp.strategies import PDUS

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("settings_of_the_service")]


@pytest.fixture
def running(database_url: str, caplog: pytest.LogCaptureFixture) -> Iterator[Running]:
    with listeners(database_url, caplog) as found:
        yield found


def read_frame(connection: socket.socket) -> bytes:
    """Return the next frame, or nothing if the connection has ended."""
    header = b""
    try:
        while len(header) < 4:
            if not (piece := connection.recv(4 - len(header))):
                return b""
            header += piece
        body = b""
        while len(body) < int.from_bytes(header, "big") - 4:
            body += connection.recv(int.from_bytes(header, "big") - 4 - len(body))
    except ConnectionError:
        return b""
    return header + body


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A PDU of any kind, or one to submit a message; perhaps with other octets."""
    fields = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "esm_class": st.integers(0, 255),
                "data_coding": st.integers(0, 255),
                "short_message": st.binary(max_size=200),
                "schedule_delivery_time": st.sampled_from(
                    ["", "x", "000000000100000R", "9" * 15 + "+"]
                ),
                "validity_period": st.sampled_from(["", "x", "000000000100000R", "0" * 15 + "R"]),
                "source_addr": st.sampled_from(["", "SCSERV", "x" * 20, "12", CANARY]),
                "destination_addr": st.sampled_from(["", "79031234711", "abc", "12"]),
                "registered_delivery": st.integers(0, 255),
                "priority_flag": st.integers(0, 255),
                "replace_if_present_flag": st.integers(0, 3),
                "sm_default_msg_id": st.integers(0, 3),
                "tlvs": st.lists(
                    st.tuples(
                        st.sampled_from([0x20C, 0x20E, 0x20F, 0x424, 0x1403, 0x5]),
                        st.binary(max_size=20),
                    ),
                    max_size=4,
                ).map(tuple),
            },
        )
    )
    usual: dict[str, Any] = {"destination_addr": PHONE_CANARY, "sequence": 2}
    usual["short_message"] = CANARY.encode()
    octets = bytearray(
        draw(st.one_of(st.just(encode(SubmitSm(**(usual | fields)))), PDUS.map(encode)))
    )
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(4, len(octets)))
        octets[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    octets += bytes(max(0, 16 - len(octets)))
    octets[:4] = len(octets).to_bytes(4, "big")
    return bytes(octets)


@FUZZING
@given(st.lists(frames(), min_size=1, max_size=3))
@example([encode(DataSm(sequence=2, destination_addr=PHONE_CANARY))])
def fuzz_smpp(running: Running, sent: list[bytes]) -> None:
    shop = running.shop
    bind = BindTransceiver(system_id=shop.login, password=shop.password, sequence=1)
    with socket.create_connection(("127.0.0.1", running.smpp), PATIENCE_S) as connection:
        connection.sendall(encode(bind))
        assert isinstance(decode(read_frame(connection)), BindTransceiverResp)
        # The answer to an unbind follows all others, and ends the connection.
        connection.sendall(b"".join([*sent, encode(Unbind(sequence=9))]))
        answers = []
        while frame := read_frame(connection):
            answers.append(frame)
    for frame in answers:
        try:
            answer = decode(frame)
        except PduError as error:
            raise AssertionError(f"the server sent what can't be read: {error}") from None
        assert getattr(answer, "status", 0) != Status.ESME_RSYSERR, answer


def test_smpp(running: Running) -> None:
    fuzz_smpp(running)
