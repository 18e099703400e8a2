"""Apache Kafka's jars: downloaded once, verified against a lock file, then used offline.

`kafka.lock.toml` names every jar with its version and sha256. A verified jar is renamed
into the cache folder, so the folder never holds a partial file and several processes may
download at once. Every start verifies all jars again (0.1 s).

`python -m inbound.local.servers.jars` fetches; with `--lock` it resolves `kafka.jgo.toml` again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from traceback import clear_frames
from typing import TYPE_CHECKING, Final

from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential

from inbound.errors import RetryableError, SetupError
from inbound.terminal import Terminal, echo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jgo.maven import MavenContext

_HERE: Final = Path(__file__).parent
SPEC: Final = _HERE / "kafka.jgo.toml"
LOCK: Final = _HERE / "kafka.lock.toml"

# More are not measurably faster and strain the repository.
_PARALLEL: Final = 6


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: its Maven coordinate and its sha256."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """The Maven coordinate, group:artifact:version."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def filename(self) -> str:
        """The name of the file in the cache folder and in every Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def cache_dir() -> Path:
    """Return the cache folder: SCSERV_CACHE_DIR, or .cache of the checkout or of the user.

    A checkout has its own, so that `make clean` leaves nothing behind.
    """
    if named := os.environ.get("SCSERV_CACHE_DIR"):
        return Path(named).expanduser().absolute()
    checkout = _HERE.parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache"
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "scserv"


def locked(lock: Path = LOCK) -> list[Jar]:
    """Return the jars of the lock file, in its order."""
    entries = tomllib.loads(lock.read_text(encoding="utf-8"))["dependencies"]
    return [
        Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"])
        for entry in entries
    ]


def kafka_version() -> str:
    """Return the version of the broker; docker-compose.yml has the same."""
    return next(jar.version for jar in locked() if jar.group == "org.apache.kafka")


def ensure(jars: Sequence[Jar] | None = None, *, folder: Path | None = None) -> list[Path]:
    """Return the paths of all locked jars, fetching those that are missing or damaged.

    Blocks for 0.1 s if all are cached, otherwise for the download, with a progress bar on
    stderr. Safe to repeat and to run in several processes at once. Raises SetupError when a jar
    can't be fetched or written, or its sha256 differs from the lock file.
    """
    jars = locked() if jars is None else jars
    folder = cache_dir() / "kafka" if folder is None else folder
    missing = [jar for jar in jars if _sha256(folder / jar.filename) != jar.sha256]
    if missing:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _fetch_all(missing, folder)
        except OSError as error:
            raise SetupError(
                f"Kafka's jars can't be written to {folder}: {error.strerror or error};"
                " set SCSERV_CACHE_DIR to a folder that can take 50 MB"
            ) from error
    return [folder / jar.filename for jar in jars]


def class_path() -> str:
    """Return the jars as the value of Java's -cp. Blocks and raises as `ensure` does."""
    return os.pathsep.join(map(str, ensure()))


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _fetch_all(jars: Sequence[Jar], folder: Path) -> None:
    # A Maven cache beside the target, on the same file system, so that a rename is atomic.
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        maven = _maven(Path(scratch))
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="jars") as pool:
            fetches = {pool.submit(_fetch, jar, maven, folder) for jar in jars}
            try:
                _show_progress(
                    (done.result() for done in as_completed(fetches)), total=len(fetches)
                )
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _maven(repo_cache: Path) -> MavenContext:
    """Set up the repositories: Maven Central, or those in jgo's settings file."""
    try:
        from jgo.config import GlobalSettings
        from jgo.maven import MavenContext
        from jgo.maven._core import DEFAULT_REMOTE_REPOS
    except ImportError as error:
        raise SetupError(
            "Kafka's jars are fetched with jgo, which is not installed:"
            " pip install 'scserv[embedded]'"
        ) from error
    remotes = DEFAULT_REMOTE_REPOS | GlobalSettings.load().repositories
    return MavenContext(repo_cache=repo_cache, remote_repos=remotes)


def _fetch(jar: Jar, maven: MavenContext, folder: Path) -> None:
    try:
        path = _download(jar, maven)
    except RetryableError as error:
        raise SetupError(
            f"Kafka's jar {jar.coordinate} can't be fetched: {error}; this needs a Maven"
            " repository (jgo's settings file may name a mirror), or a filled SCSERV_CACHE_DIR"
        ) from error
    if (found := _sha256(path)) != jar.sha256:
        raise SetupError(
            f"Kafka's jar {jar.coordinate} has sha256 {found}, {LOCK.name} wants {jar.sha256}:"
            " the repository has another file; don't use it"
        )
    path.replace(folder / jar.filename)


@retry(
    retry=retry_if_exception_type(RetryableError),
    stop=stop_after_attempt(3),
    wait=wait_exponential(0.5),
    reraise=True,
)
def _download(jar: Jar, maven: MavenContext) -> Path:
    import requests

    artifact = maven.create_dependency(jar.coordinate).artifact
    try:
        return artifact.resolve()
    # jgo raises RuntimeError for every response but 200.
    except (requests.RequestException, RuntimeError) as error:
        if (partial := artifact.cached_path) is not None:
            partial.unlink(missing_ok=True)
        clear_frames(error.__traceback__)  # jgo leaves the response open, and its frames hold it
        raise RetryableError(_one_line(error)) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _show_progress(done: Iterable[None], total: int) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Terminal(stderr=True)
    with Progress(
        TextColumn(f"Kafka {kafka_version()}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("jars"),
        console=console,
    ) as progress:
        for _ in progress.track(done, total=total):
            pass


def write_lock(lock: Path = LOCK) -> int:
    """Resolve `kafka.jgo.toml` and write the lock file; for a change of version.

    Blocks for about 20 s. Returns the number of jars.
    """
    from jgo.env import EnvironmentSpec, LockFile

    spec = EnvironmentSpec.load(SPEC)
    with tempfile.TemporaryDirectory() as scratch:
        maven = _maven(Path(scratch))
        wanted = [maven.create_dependency(name) for name in spec.coordinates]
        inputs, transitive = maven.resolver.resolve(wanted)
        needed = [*inputs, *(dep for dep in transitive if dep.scope in {"compile", "runtime"})]
        resolved = LockFile.from_resolved_dependencies(needed, environment_name=spec.name)
        resolved.save(lock)
    return len(needed)


def main(argv: Sequence[str] | None = None, say: Callable[[str], None] = echo) -> int:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m inbound.local.servers.jars")
    parser.add_argument("--lock", action="store_true", help="resolve again and write the lock file")
    options = parser.parse_args(argv)
    try:
        if options.lock:
            say(f"{LOCK.name}: {write_lock()} jars")
        paths = ensure()
    except SetupError as error:
        echo(error, err=True)
        return 2
    say(f"setup: Apache Kafka {kafka_version()}, {len(paths)} jars in {paths[0].parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
