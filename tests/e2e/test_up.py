"""`scserv up` after it served a client: no canary in its files, no process may dump its memory."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.canaries import Canaries
from tests.core_dumps import core_dumps_allowed, forbids
from tests.patience import PATIENCE_S
from tests.searching import files_in, in_file

SECRETS = "kod-canary-9", "login-canary-9", "parol-canary-9"
NUMBER = "+79255550109"


async def scserv(*arguments: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inbound.cli", *arguments, "--data-dir", str(folder / "data")),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if not k.startswith(("SCSERV_", "OTEL_"))},
    )


@pytest.mark.asyncio
async def test_secrets_and_numbers_stand_in_no_file_and_no_dump(tmp_path: Path) -> None:
    clients = tmp_path / "clients.csv"
    header = "msisdn,client_id,personal_code,login,password"
    clients.write_text(f"{header}\n{NUMBER},C9,{','.join(SECRETS)}\n", "utf-8")
    with core_dumps_allowed():
        up = await scserv("up", "--port", "0", "--api-port", "0", folder=tmp_path)
    assert up.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b" ready: " not in await up.stdout.readline():
                assert up.returncode is None
            family = [psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)]
            names, allowed = set(), []
            for one in family:
                # PostgreSQL has a process for each connection: it may have ended by now.
                with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                    names.add(one.name())
                    allowed += [] if forbids(one.pid) else [one.cmdline()]
            assert {"java", "postgres"} <= names
            assert allowed == []
            importing = await scserv("clients", "import", str(clients), folder=tmp_path)
            assert b"1 added" in (await importing.communicate())[0]
            texting = await scserv("text", NUMBER, "CLIENT info", folder=tmp_path)
            assert SECRETS[2].encode() in (await texting.communicate())[0]
    finally:
        up.terminate()
        said, _ = await up.communicate()
    assert not Canaries(*SECRETS, NUMBER[1:]).sing_in(said)
    files = list(files_in(tmp_path / "data"))
    assert {"service.json", "gateway.log", "PG_VERSION"} <= {path.name for path in files}
    for path in files:
        kept = any(part.startswith("sms.mo.v1-") for part in path.parts)
        canaries = Canaries(*SECRETS) if kept else Canaries(*SECRETS, NUMBER[1:])
        assert not in_file(path, canaries), path
