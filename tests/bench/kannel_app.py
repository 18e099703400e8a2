"""The script that answers behind Kannel: a row for each text, then two replies.

What one would write instead of this service, and all that it leaves out: nothing here survives a
crash, recognises a repeated text or knows what became of a reply.
"""

import asyncio
import sys
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg

CONNECTIONS: Final = 16
ACKNOWLEDGEMENT: Final = b"Your request is accepted. A text will tell you when it is done."
FULFILMENT: Final = "Notifications and broadcasts are switched off. CLIENT sms start turns them on."
TABLE: Final = """
    CREATE TABLE IF NOT EXISTS texts (
        id bigserial PRIMARY KEY, number text, text text, at timestamptz DEFAULT now()
    )
"""
INSERT: Final = "INSERT INTO texts (number, text) VALUES (%s, %s)"


class Answers:
    """Takes texts from Kannel's smsbox, and has it send the fulfilments."""

    def __init__(self, database_url: str, sendsms_port: int) -> None:
        self._database_url = database_url
        self._port = sendsms_port
        self._connections: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()
        self._fulfilments: asyncio.Queue[str] = asyncio.Queue()

    async def run(self, port: int) -> None:
        """Serve until cancelled."""
        for _ in range(CONNECTIONS):
            connection = await psycopg.AsyncConnection.connect(self._database_url, autocommit=True)
            self._connections.put_nowait(connection)
        await connection.execute(TABLE)
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        async with server, asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(self._send_forever())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            query = parse_qs(urlsplit(head.split(b" ", 2)[1].decode()).query)
            number = query["from"][0]
            connection = await self._connections.get()
            try:
                await connection.execute(INSERT, (number, query["text"][0]))
            finally:
                self._connections.put_nowait(connection)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
                % (len(ACKNOWLEDGEMENT), ACKNOWLEDGEMENT)
            )
            self._fulfilments.put_nowait(number)
        writer.close()

    async def _send_forever(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                while True:
                    number = await self._fulfilments.get()
                    await sendsms(reader, writer, number, FULFILMENT)
            except (OSError, asyncio.IncompleteReadError):
                self._fulfilments.put_nowait(number)


async def sendsms(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: str, text: str
) -> None:
    """Have Kannel's smsbox send a text, and wait until it has taken it."""
    wanted = {"username": "app", "password": "app", "to": number, "from": "SCSERV", "text": text}
    writer.write(f"GET /cgi-bin/sendsms?{urlencode(wanted)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 202"):
        raise OSError(f"Kannel took no message: {head[:100]!r}")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))


if __name__ == "__main__":
    asyncio.run(Answers(sys.argv[1], int(sys.argv[2])).run(int(sys.argv[3])))
