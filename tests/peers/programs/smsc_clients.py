"""The packages smsc and smsc-client as their readers use them, against another address.

Arguments: the address of the service, login, password, a phone. Prints one JSON object.
"""

import json
import sys
from uuid import UUID

from smsc import SMSC, SMSMessage
from smsc_client import SMSCAPI

base, login, password, phone = sys.argv[1:]
SMSC._url = f"{base}/sys/"

client = SMSC(login=login, password=password, sender="SCSERV")
message = SMSMessage(text="Заявка 4712 выполнена")
cost = client.get_cost(to=phone, message=message)
sent = client.send(to=phone, message=message)
(status,) = client.get_status(to=phone, msg_id=str(sent.message_id))
balance = client.get_balance()
wrong = SMSC(login=login, password="wrong", sender="SCSERV").send(to=phone, message=message)
landline = client.send(to="+74951234567", message=message)

other = SMSCAPI(login=login, password=password)
other._domain = f"{base}/"
answer = other.default.send(
    phones=phone,
    mes="Заявка 4713 выполнена",
    id=UUID("0b8e0d1c-5a3e-4a0e-9a25-4f5d3a1f9c11"),
    sender="SCSERV",
)
print(
    json.dumps(
        {
            "cost": [cost.count, cost.cost],
            "sent": [sent.message_id, sent.count, sent.cost],
            "status": [status.status.status_id, status.status.name, status.data["id"]],
            "send_date": status.data["send_date"].isoformat(),
            "balance": [balance.balance, balance.currency],
            "wrong": wrong.error,
            "landline": landline.error,
            "smsc_client": [answer.OK, answer.ID],
        }
    )
)
