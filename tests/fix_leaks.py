"""Makes the test that leaks a socket or file fail, instead of a later one.

Python reports an unclosed socket or file when the object is collected. Objects in reference cycles
are collected later, during an unrelated test. So the garbage is collected after every test, once
its fixtures are finalised, and pytest turns what Python reports then into an error of that test.
"""

import gc
from collections.abc import Generator, Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the garbage lie until everything is imported: nothing of it is a test's."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
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
    """Exempt modules and caches from later collections, which then take 2 ms instead of 100."""
    gc.collect()
    gc.freeze()
