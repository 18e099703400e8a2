#!/usr/bin/python3
"""Stands in for the OpenTelemetry collector: takes OTLP over HTTP and says how much it was."""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Takes everything, and writes a line for each request."""

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        print(f"received {self.path} {size} octets from {self.client_address[0]}", flush=True)
        self.answer()

    def answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of its own."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
servers = [ThreadingHTTPServer(("0.0.0.0", port), Handler) for port in (4318, 13133)]  # noqa: S104
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
signal.pause()
