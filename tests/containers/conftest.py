"""Containers of Podman. `make containers` runs these tests, a plain `make test` does not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.images import IMAGES, build
from tests.containers.podman import Podman


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect this folder only when it is asked for by its name."""
    named = any("containers" in Path(argument).parts for argument in config.args)
    return None if named or collection_path == Path(__file__) else True


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman with its own storage, and a network without a way out; all images are built.

    The storage stays for the next run, in the user's cache folder; containers do not.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    podman = Podman(cache / "scserv-containers")
    build(podman, IMAGES)
    with podman.own_network():
        yield podman
