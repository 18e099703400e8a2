"""Strict binds: what system_type means; windows and numbers of an account; TLS; query_sm."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from inbound.errors import SetupError
from inbound.local.simulator.accounts import load_accounts
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
from inbound.local.simulator.tls import server_context
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.bind_options import BindOptions
from inbound.smpp.bind_settings import BindSettings
from inbound.smpp.errors import BindRefusedError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import BindResp, BindTransceiver, DeliverSm, QuerySm, QuerySmResp
from inbound.smpp.status import Status
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import (
    ACCOUNT,
    FEDERAL,
    NUMBER,
    accept,
    account,
    no_requests,
    parts,
    simulator,
    submit,
)
from tests.unit.smpp.certificate import self_signed
from tests.unit.smpp.peer import connect


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "centre.pem")


def bind(system_type: str = "") -> BindTransceiver:
    return BindTransceiver(
        system_id="scserv", password="sesame12", system_type=system_type, sequence=1
    )


# -- passwords of phones -------------------------------------------------------------------


async def test_a_phone_without_the_password_is_refused_and_gets_nothing() -> None:
    async with simulator(phone_password="sesame99") as centre, account(centre) as peer:
        await peer.ask(submit())
        for password in ("", "sesame9", "guessed"):
            with pytest.raises(BindRefusedError) as refused:
                await Phone("127.0.0.1", centre.port, NUMBER, password=password).__aenter__()
            assert refused.value.status == Status.ESME_RINVPASWD
        assert not centre.ledger.counts["deliver_sm"]
        async with Phone("127.0.0.1", centre.port, NUMBER, password="sesame99") as phone:
            assert (await asyncio.wait_for(phone.receive(), PATIENCE_S)).recipient == NUMBER[1:]


# -- system_type -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system_type", "options"),
    [
        ("", BindOptions(1, single=False)),
        ("MCON2", BindOptions(2, single=False)),
        ("SINGLE", BindOptions(1, single=True)),
        ("MCON9,SINGLE", BindOptions(9, single=True)),
        ("ISO,SINGLE", BindOptions(1, single=True, iso=True)),
        ("MCON0", None),
        ("MCON10", None),
        ("SMPP", None),
    ],
)
def test_options_of_a_system_type(system_type: str, options: BindOptions | None) -> None:
    assert BindOptions.parse(system_type) == options


async def test_a_new_bind_ends_the_older_one() -> None:
    async with (
        simulator(strict_binds=True) as centre,
        account(centre, bind()) as first,
        account(centre, bind()) as second,
    ):
        assert await first.at_end()
        assert (await second.ask(submit())).status == 0
        [end] = centre.ledger.entries("end")
        assert (end.link, end.detail) == (1, "a newer bind of the account replaced this one")


async def test_newest_bind_sets_the_number_of_links() -> None:
    async with (
        simulator(strict_binds=True) as centre,
        account(centre, bind("MCON2")) as first,
        account(centre, bind("MCON2")) as second,
        account(centre, bind("MCON2")) as third,
    ):
        assert await first.at_end()
        for peer in (second, third):
            assert (await peer.ask(submit())).status == 0


async def test_refused_bind_closes_no_link() -> None:
    wrong = BindTransceiver(system_id="scserv", password="wrong", sequence=1)
    async with simulator(strict_binds=True) as centre, account(centre, bind()) as peer:
        for request, status in (
            (wrong, Status.ESME_RINVPASWD),
            (bind("MANY"), Status.ESME_RINVSYSTYP),
        ):
            other = await connect(centre.port)
            answer = await other.ask(request)
            assert isinstance(answer, BindResp)
            assert answer.status == status
            other.close()
        assert (await peer.ask(submit())).status == 0


async def test_without_strict_binds_a_system_type_is_a_name() -> None:
    async with simulator() as centre, account(centre, bind("SMPP")), account(centre) as peer:
        assert (await peer.ask(submit())).status == 0
        assert [entry.detail for entry in centre.ledger.entries("bind")] == [
            "scserv SMPP",
            "scserv",
        ]


@pytest.mark.parametrize(("system_type", "ids"), [("SINGLE", {"a", "b"}), ("", {"a"})])
async def test_single_wants_an_id_for_each_part(system_type: str, ids: set[str]) -> None:
    async with (
        simulator(strict_binds=True) as centre,
        account(centre, bind(system_type)) as peer,
    ):
        answers: list[Any] = [await peer.ask(pdu) for pdu in parts("длинный " * 15)]
        assert {answer.message_id for answer in answers} == ids


# -- accounts ----------------------------------------------------------------------------

ACCOUNTS = """
[[account]]
system_id = "scserv"
password_env = "SMSC_TEST_PASSWORD"
numbers = ["+79086228779", "1234"]
rate = 30
window = 1
dialect = "tlv"

[[account]]
system_id = "other"
password = "sesame13"
numbers = ["+79086228780"]
"""


def test_accounts_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "accounts.toml"
    path.write_text(ACCOUNTS)
    with pytest.raises(
        SetupError, match="account scserv: the environment variable SMSC_TEST_PASSWORD"
    ):
        load_accounts(path)
    monkeypatch.setenv("SMSC_TEST_PASSWORD", "sesame12")
    assert load_accounts(path) == (
        SimulatorAccount("scserv", "sesame12", "+79086228779", 30, 1, "tlv", ("1234",)),
        SimulatorAccount("other", "sesame13", "+79086228780"),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('password = "sesame13"', "", "account 2: set either password or password_env"),
        ('"sesame13"', '"much-too-long"', "account 2, password: "),
        ('"other"', '"phone"', 'account 2: system_id "phone" is reserved'),
        ('"other"', '"scserv"', "two accounts have the same system_id"),
        ("+79086228780", "79086228779", "two accounts have the same number"),
        ('["+79086228780"]', "[]", "account 2, numbers: "),
        ("rate = 30", "pace = 30", "account 1, pace: unknown field"),
        ("[[account]]", "[[accounts]]", "account: is missing"),
    ],
)
def test_invalid_accounts_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    monkeypatch.setenv("SMSC_TEST_PASSWORD", "sesame12")
    path = tmp_path / "accounts.toml"
    path.write_text(ACCOUNTS.replace(old, new))
    with pytest.raises(SetupError) as caught:
        load_accounts(path)
    assert message in str(caught.value)
    assert "much-too-long" not in str(caught.value)


async def test_an_account_serves_all_its_numbers_within_its_window() -> None:
    few = SimulatorAccount("scserv", "sesame12", FEDERAL, window=1, more_numbers=("1234",))
    async with (
        simulator(accounts=(few,)) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, "+7916*", federal="+1234") as phones,
    ):
        await phones.text("one", source="+79160000001")
        await phones.text("two", source="+79160000002")
        first = await peer.read(DeliverSm)
        assert (first.destination_addr, first.short_message) == ("1234", b"one")
        assert centre.ledger.counts["deliver_sm"] == 1  # the other waits for its answer
        peer.send(first.answer())
        assert (await accept(peer)).short_message == b"two"


# -- TLS ---------------------------------------------------------------------------------


async def test_only_known_clients_get_in_over_tls(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    context = server_context(certificate, None, client_ca=certificate)
    settings = SimulatorSettings(port=0, accounts=(ACCOUNT,))
    async with Simulator(settings, ssl=context) as centre:
        ours = BindSettings("127.0.0.1", centre.port, "scserv", "sesame12", reconnect_min_s=0.01)
        known = ssl.create_default_context(cafile=str(certificate))
        known.load_cert_chain(certificate)
        esme = Esme(ours, no_requests, ssl=known)
        running = asyncio.create_task(esme.run())
        await asyncio.wait_for(esme.slot(), PATIENCE_S)
        assert (await esme.submit(submit())).status == 0
        await esme.close()
        await running

        told: asyncio.Queue[BindHealth] = asyncio.Queue()
        stranger = Esme(
            ours,
            no_requests,
            ssl=ssl.create_default_context(cafile=str(certificate)),
            on_change=told.put_nowait,
        )
        running = asyncio.create_task(stranger.run())
        async with asyncio.timeout(PATIENCE_S):
            while (health := await told.get()).state is not EsmeState.DOWN:
                assert health.state is not EsmeState.BOUND
        await stranger.close()
        await running


def test_tls_files_are_named_when_they_are_wrong(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    with pytest.raises(SetupError, match=r"--cert .*absent.pem: No such file"):
        server_context(tmp_path / "absent.pem", None, None)
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    with pytest.raises(SetupError, match=r"--client-ca .*junk.pem: not a valid PEM"):
        server_context(certificate, None, junk)


# -- query_sm ----------------------------------------------------------------------------


def query(message_id: str, source: str = "SCSERV") -> QuerySm:
    return QuerySm(message_id=message_id, source_addr=source, sequence=5)


@pytest.mark.parametrize("registered_delivery", [0, 1])
async def test_a_query_is_answered_with_the_state(registered_delivery: int) -> None:
    async with simulator() as centre, account(centre) as peer:
        await peer.ask(submit(registered_delivery=registered_delivery))
        peer.send(query("a"))
        answer = await peer.read(QuerySmResp)
        assert (answer.message_id, answer.message_state, answer.final_date) == ("a", 1, "")
        async with Phone("127.0.0.1", centre.port, NUMBER):
            await centre.ledger.count("deliver_sm_resp")
        if registered_delivery:
            await accept(peer)
        peer.send(query("a"))
        answer = await peer.read(QuerySmResp)
        assert (answer.message_state, answer.error_code) == (2, 0)
        assert answer.final_date == "000101000000000+"


async def test_query_reports_the_state_after_a_fault() -> None:
    async with simulator(magic=True) as centre, account(centre) as peer:
        await peer.ask(submit("+79161299052"))
        peer.send(query("a"))
        answer = await peer.read(QuerySmResp)
        assert (answer.message_state, answer.error_code) == (3, 1)


async def test_a_query_meets_faults() -> None:
    script = """
    [[rule]]
    match = { command = "query_sm", first = 1 }
    fault = { status = "ESME_RQUERYFAIL" }
    """
    async with simulator(script) as centre, account(centre) as peer:
        await peer.ask(submit())
        statuses = [(await peer.ask(query("a"))).status for _ in range(2)]
        assert statuses == [Status.ESME_RQUERYFAIL, 0]


async def test_a_query_finds_its_own_and_the_newest_messages() -> None:
    other = SimulatorAccount("other", "sesame12", "+79086228780")
    theirs = BindTransceiver(system_id="other", password="sesame12", sequence=1)
    async with (
        simulator(query_limit=2, accounts=(ACCOUNT, other)) as centre,
        account(centre) as peer,
        account(centre, theirs) as stranger,
    ):
        for number in range(3):
            await peer.ask(submit(text=b"%d" % number))
        found = [(await peer.ask(query(message_id))).status for message_id in "abcd"]
        unknown = Status.ESME_RINVMSGID
        assert found == [unknown, 0, 0, unknown]
        assert (await peer.ask(query("c", "OTHER"))).status == unknown
        assert (await stranger.ask(query("c"))).status == unknown
        assert len(centre.ledger.entries("query_sm_resp")) == 6
