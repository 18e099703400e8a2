"""smpplib as a client, driven by lines of JSON: {"text": ..., "to": ...} submits, {} reads.

Arguments: port, system_id, password, and for TLS the certificate to trust. It prints a line of JSON
for each answer and each receipt.
"""

import json
import ssl
import sys
from typing import Any

import smpplib.client
import smpplib.consts
import smpplib.gsm

port, login, password, *trusted = sys.argv[1:]
context = ssl.create_default_context(cafile=trusted[0]) if trusted else None
if context is not None:
    context.check_hostname = False
client = smpplib.client.Client(
    "127.0.0.1", int(port), allow_unknown_opt_params=True, ssl_context=context
)


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def receive(pdu: Any) -> int:
    tell(event="receipt", text=pdu.short_message.decode(), id=pdu.receipted_message_id.decode())
    return 0


client.set_message_sent_handler(
    lambda pdu: tell(event="answer", status=pdu.status, id=(pdu.message_id or b"").decode())
)
client.set_error_pdu_handler(lambda pdu: tell(event="answer", status=pdu.status, id=""))
client.set_message_received_handler(receive)
client.connect()
client.bind_transceiver(system_id=login, password=password)
tell(event="bound")
for line in sys.stdin:
    wanted = json.loads(line)
    if "text" not in wanted:
        client.read_once()
        continue
    parts, coding, flag = smpplib.gsm.make_parts(wanted["text"])
    for part in parts:
        client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
            source_addr="SCSERV",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            destination_addr=wanted["to"],
            short_message=part,
            data_coding=coding,
            esm_class=flag,
            registered_delivery=True,
        )
        client.read_once()
