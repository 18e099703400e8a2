"""The ledger, what a centre writes into it, and the command that runs one alone."""

import asyncio
import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from inbound.local.simulator.ledger import PduLedger
from inbound.local.simulator.phone import Phone
from inbound.smpp.pdu import BindResp, SubmitSmResp
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import (
    BIND,
    FEDERAL,
    NUMBER,
    accept,
    account,
    kinds,
    simulator,
    submit,
)
from tests.unit.smpp.peer import Peer, connect


def test_memory_is_bounded_and_counters_go_on() -> None:
    ledger = PduLedger(2, iter(range(10)).__next__)
    for number in range(5):
        ledger.message("submit_sm", 1, "scserv", submit(sequence=number))
    assert [(entry.at, entry.sequence) for entry in ledger.entries()] == [(3, 3), (4, 4)]
    assert ledger.counts["submit_sm"] == 5


async def test_without_a_limit_it_counts_and_can_still_be_waited_for() -> None:
    ledger = PduLedger(0, lambda: 0.0)
    ledger.event("connect", 1)
    waiting = asyncio.ensure_future(ledger.count("connect", 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    ledger.event("end", 1)
    ledger.event("connect", 2)
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert ledger.entries() == []


def test_texts_are_kept_and_written_on_request_only() -> None:
    file, open_file = io.StringIO(), io.StringIO()
    ledger = PduLedger(5, lambda: 1.5, file=file)
    with_texts = PduLedger(5, lambda: 1.5, texts=True, file=open_file)
    for each in (ledger, with_texts):
        each.message("submit_sm", 1, "scserv", submit(text=b"secret"))
        each.answer("submit_sm_resp", 1, "scserv", SubmitSmResp(status=0x58, sequence=7))
    assert b"secret".hex() not in file.getvalue()
    assert ledger.entries()[0].text == b""
    assert with_texts.entries()[0].text == b"secret"
    first, second = (json.loads(line) for line in open_file.getvalue().splitlines())
    assert bytes.fromhex(first["text"]) == b"secret"
    assert (first["source"], first["destination"], first["size"]) == ("SCSERV", NUMBER[1:], 6)
    assert second == {
        "at": 1.5,
        "what": "submit_sm_resp",
        "link": 1,
        "system_id": "scserv",
        "sequence": 7,
        "status": "ESME_RTHROTTLED",
    }


async def test_ledger_has_every_pdu_in_order() -> None:
    async with simulator() as centre:
        async with Phone("127.0.0.1", centre.port, NUMBER) as phone:
            async with account(centre) as peer:
                assert (await peer.ask(submit(registered_delivery=1))).status == 0
                await accept(peer)
                await phone.text("CLIENT info")
                await accept(peer)
                await centre.ledger.count("deliver_sm_resp", 2)
            await centre.ledger.count("end")
        assert kinds(centre.ledger.entries(link=1))[:3] == ["connect", "bind", "bind_resp"]
        assert kinds(centre.ledger.entries(link=2)) == [
            "connect",
            "bind",
            "bind_resp",
            "submit_sm",
            "submit_sm_resp",
            "receipt",
            "receipt_resp",
            "deliver_sm",
            "deliver_sm_resp",
            "end",
        ]
        times = [entry.at for entry in centre.ledger.entries()]
        assert times == sorted(times)
        [answer, _] = centre.ledger.entries("submit_sm_resp")
        assert (answer.sequence, answer.message_id, answer.system_id) == (7, "a", "scserv")
        assert len(centre.ledger.entries("deliver_sm", number=FEDERAL)) == 1
        assert len(centre.ledger.entries("deliver_sm", number=NUMBER)) == 2


# -- the command -------------------------------------------------------------------------


@asynccontextmanager
async def command(*options: str) -> AsyncIterator[tuple[Any, int]]:
    """Run `scserv simulator` on a free port; yield the process and the port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inbound.cli", "simulator", "--port", "0", *options),
        env={**os.environ, "SCSERV_SMPP__PASSWORD": "sesame12", "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = re.search(r"^SMS centre on 127.0.0.1:(\d+) for \+79086228779$", line)
        yield process, int(found[1]) if found else 0
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def bound(port: int) -> Peer:
    peer = await connect(port)
    assert isinstance(await peer.ask(BIND), BindResp)
    return peer


async def test_the_command_fails_on_request_and_writes_it_down(tmp_path: Path) -> None:
    script, ledger = tmp_path / "faults.toml", tmp_path / "ledger.ndjson"
    script.write_text('[[rule]]\nmatch = { command = "submit_sm", first = 1 }\n')
    script.write_text(script.read_text() + 'fault = { status = "ESME_RSYSERR" }\n')
    options = ["--script", str(script), "--magic", "--ledger", str(ledger)]
    async with asyncio.timeout(PATIENCE_S), command(*options) as (process, port):
        peer = await bound(port)
        statuses = [(await peer.ask(submit(to))).status for to in (NUMBER, "+79161299031", NUMBER)]
        assert statuses == [0x08, 0x0B, 0]
        process.send_signal(signal.SIGUSR1)
        line = (await process.stderr.readline()).decode()
        words = "submit_sm 3 (answered 3: ESME_RSYSERR 1, ESME_RINVDSTADR 1)"
        assert words in line
        assert "links 1; " in line
        assert "waiting 1; dropped 0; faults 2" in line
        entries = [json.loads(text) for text in ledger.read_text().splitlines()]
        assert [entry["detail"] for entry in entries if entry["what"] == "fault"] == [
            "rule 1",
            "magic 99031",
        ]
        assert "sesame12" not in ledger.read_text()
        peer.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[rule]]\nname = "x"\nmatch = { command = "bind" }\nfault = { stat = 1 }\n')
    async with asyncio.timeout(PATIENCE_S), command("--script", str(script)) as (process, _):
        said = (await process.stderr.read()).decode()
        assert f'{script}: rule 1 ("x"), fault.stat: unknown field' in said
        assert await process.wait() == 2
