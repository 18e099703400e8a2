"""`python -m tests.bench.codec`: PDUs encoded, cut and decoded a second, as one JSON object."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from inbound.smpp import receipts
from inbound.smpp._wire import Framer
from inbound.smpp.pdu import DeliverSm, EnquireLink, Pdu, SubmitSm, SubmitSmResp, decode, encode
from inbound.smpp.segmentation import split, text_of
from inbound.smpp.user_data import part_of

SECONDS: Final = 0.5
RUNS: Final = 3
BATCH: Final = 500

ACCEPTED: Final = "Ваша заявка принята. Дождитесь СМС-уведомления об исполнении запроса."
RECEIPT: Final = (
    b"id:7f3a sub:001 dlvrd:001 submit date:2601311530 done date:2601311531 stat:DELIVRD err:000"
)
_ADDRESSES: Final = {
    "source_addr_ton": 1,
    "source_addr_npi": 1,
    "source_addr": "79161234567",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "79086228779",
}
PDUS: Final[dict[str, Pdu]] = {
    "deliver_sm": DeliverSm(**_ADDRESSES, short_message=b"CLIENT info"),  # type: ignore[arg-type]  # a mixed dict
    "deliver_sm with TLVs": DeliverSm(
        **_ADDRESSES,  # type: ignore[arg-type]  # as above
        esm_class=4,
        short_message=RECEIPT,
        tlvs=((0x001E, b"7f3a\0"), (0x0427, b"\x02"), (0x0423, b"\x03\0\0")),
    ),
    "submit_sm": SubmitSm(
        **_ADDRESSES,  # type: ignore[arg-type]  # as above
        data_coding=8,
        short_message=ACCEPTED.encode("utf-16-be"),
    ),
    "submit_sm_resp": SubmitSmResp(message_id="0123456789abcdef"),
    "enquire_link": EnquireLink(),
}


def main() -> None:
    """Measure and print."""
    figures: dict[str, dict[str, int]] = {"encode": {}, "decode": {}, "other": {}}
    for name, pdu in PDUS.items():
        figures["encode"][name] = rate(partial(encode, pdu))
        figures["decode"][name] = rate(partial(decode, encode(pdu)))
    figures["other"] = _others()
    print(json.dumps(figures))


def _others() -> dict[str, int]:
    stream = encode(PDUS["deliver_sm"]) * BATCH
    framer = Framer()
    receipt = PDUS["deliver_sm with TLVs"]
    assert isinstance(receipt, DeliverSm)
    long = [
        DeliverSm(short_message=one.short_message, esm_class=one.esm_class, data_coding=8)
        for one in split(ACCEPTED * 2)
    ]
    return {
        "frames cut": rate(lambda: sum(1 for _ in framer.feed(stream)), BATCH),
        "receipts read": rate(lambda: receipts.read(receipt)),
        "texts split into 3 parts": rate(lambda: split(ACCEPTED * 2)),
        "texts joined of 3 parts": rate(lambda: text_of(filter(None, map(part_of, long)))),
    }


def rate(action: Callable[[], object], times: int = 1) -> int:
    """Return how often a second something is done: the best of several runs."""
    best = 0.0
    for _ in range(RUNS):
        done, start = 0, time.perf_counter()
        while (taken := time.perf_counter() - start) < SECONDS / RUNS:
            for _ in range(100 if times == 1 else 1):
                action()
            done += 100 if times == 1 else times
        best = max(best, done / taken)
    return round(best)


if __name__ == "__main__":
    main()
