"""What became of our messages? A receiver of callbacks that notes the last state of each.

CALLBACK_SECRET=whsec_... python callbacks.py PORT DATABASE    (needs standardwebhooks)
Behind a TLS proxy, or in a private network with `scserv callbacks set --allow-private`.
"""

import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

if "CALLBACK_SECRET" not in os.environ:
    sys.exit("CALLBACK_SECRET is not set: `scserv callbacks set` prints it")
PORT, DATABASE = int(sys.argv[1]), sys.argv[2]
WEBHOOK = Webhook(os.environ["CALLBACK_SECRET"])
TABLES = """
CREATE TABLE IF NOT EXISTS seen (id PRIMARY KEY);
CREATE TABLE IF NOT EXISTS messages (id PRIMARY KEY, state, reason)"""
CHANGE = """INSERT INTO messages VALUES (:id, :state, :reason)
    ON CONFLICT DO UPDATE SET state = :state, reason = :reason"""


class Receiver(BaseHTTPRequestHandler):
    """Answers one call."""

    def do_POST(self):
        """Note what a call tells."""
        body = self.rfile.read(int(self.headers["Content-Length"]))  # as it came: it is signed
        try:
            told = WEBHOOK.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.answer(401)
            return
        with sqlite3.connect(DATABASE) as database:  # one transaction: an error answers nothing
            # A call comes twice if our answer to the first one was lost.
            new = database.execute(
                "INSERT OR IGNORE INTO seen VALUES (?)", [self.headers["webhook-id"]]
            ).rowcount
            if new and told["type"].startswith("message."):
                database.execute(CHANGE, {"reason": None, **told["data"]})
                print(told["data"]["id"], told["data"]["state"], flush=True)
        self.answer(204)

    def answer(self, status):
        """Answer without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


with sqlite3.connect(DATABASE) as database:
    database.executescript(TABLES)
ThreadingHTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
