import gc
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
from jgo.maven import MavenContext

from inbound.errors import SetupError
from inbound.local.servers import jars
from inbound.local.servers.jars import Jar, ensure
from tests.patience import PATIENCE_S

CONTENT = b"a jar, as far as anyone here can tell"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest())


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        pass


class Repository:
    """A Maven repository on loopback that counts what it hands out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""

    def publish(self, content: bytes) -> None:
        path = self.root / "org" / "example" / "thing" / "1.0" / JAR.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository(tmp_path / "repository")
    repository.root.mkdir()
    handler = partial(_Quiet, directory=str(repository.root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        repository.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(jars, "_maven", maven_at(lambda: repository.url))
        monkeypatch.setattr(jars._download.retry, "wait", lambda _: 0)
        yield repository
        server.shutdown()


def maven_at(url: Callable[[], str]) -> Callable[[Path], MavenContext]:
    def maven(cache: Path) -> MavenContext:
        return MavenContext(repo_cache=cache, remote_repos={"test": url()}, timeout=int(PATIENCE_S))

    return maven


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "kafka"


def test_a_jar_is_fetched_once_and_then_works_offline(repository: Repository, folder: Path) -> None:
    repository.publish(CONTENT)
    assert [path.read_bytes() for path in ensure([JAR], folder=folder)] == [CONTENT]
    repository.url = "http://127.0.0.1:9"
    assert ensure([JAR], folder=folder) == [folder / "thing-1.0.jar"]
    assert [path.name for path in folder.iterdir()] == ["thing-1.0.jar"], "no scratch is left"


def test_a_damaged_jar_is_fetched_again(repository: Repository, folder: Path) -> None:
    repository.publish(CONTENT)
    folder.mkdir(parents=True)
    (folder / JAR.filename).write_bytes(CONTENT[:10])
    assert ensure([JAR], folder=folder)[0].read_bytes() == CONTENT


def test_jar_with_a_wrong_hash_is_refused(repository: Repository, folder: Path) -> None:
    repository.publish(b"something else")
    with pytest.raises(SetupError, match=r"org\.example:thing:1\.0 has sha256 .* don't use it"):
        ensure([JAR], folder=folder)
    assert list(folder.iterdir()) == []


def test_fetch_failure_is_one_line_with_a_remedy(repository: Repository, folder: Path) -> None:
    with pytest.raises(SetupError, match=r"thing:1.0 can't be fetched.*SCSERV_CACHE_DIR") as caught:
        ensure([JAR], folder=folder)
    assert "\n" not in str(caught.value)
    answers = [one for one in gc.get_objects() if isinstance(one, requests.Response)]
    assert all(one.raw.closed for one in answers)
    repository.url = "http://127.0.0.1:9"
    with pytest.raises(SetupError, match="Connection refused"):
        ensure([JAR], folder=folder)


def test_a_cache_that_cannot_be_written_is_named(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"can't be written to .*/file/kafka"):
        ensure([JAR], folder=tmp_path / "file" / "kafka")


def test_cache_folder_is_configurable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SCSERV_CACHE_DIR", str(tmp_path))
    assert jars.cache_dir() == tmp_path
    monkeypatch.delenv("SCSERV_CACHE_DIR")
    assert jars.cache_dir().name == ".cache", "a checkout keeps its cache to itself"


def test_the_lock_file_names_every_jar_of_one_kafka_and_no_host() -> None:
    locked = jars.locked()
    assert all(re.fullmatch("[0-9a-f]{64}", jar.sha256) for jar in locked)
    assert len({jar.filename for jar in locked}) == len(locked)
    # Another library's list of preferred versions once brought an older client in.
    kafkas = {jar.version for jar in locked if jar.group == "org.apache.kafka"}
    assert kafkas == {jars.kafka_version()}
    assert "://" not in jars.LOCK.read_text()
