"""A test that leaves something open fails itself, and not whichever test the collector interrupts.

A socket or a file that nobody closed is reported when it is collected. Objects that refer to
each other are collected some time later, in a test that has nothing to do with them. So the
garbage is collected after every test, once its fixtures are gone; pytest turns what is reported
then into an error of that test.
"""

import gc
from collections.abc import Iterator

import pytest


def pytest_collection_finish() -> None:
    _exempt_what_exists()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    try:
        yield
    finally:
        gc.collect()
        if nextitem is None or nextitem.path != item.path:
            _exempt_what_exists()


def _exempt_what_exists() -> None:
    """Keep modules and caches out of the next collections: each takes 2 ms then, not 100."""
    gc.collect()
    gc.freeze()
