"""What every test may use, and the order in which workers take the modules.

Properties are checked with the same examples in every run, so that a run says something about
the change and not about luck; `make test-long` draws other and more examples each time.
"""

import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from inbound.handlers.definitions import TEMPLATE_FIELDS
from inbound.smpp.segmentation import part_count
from inbound.templates.catalogue import load_catalogue

pytest_plugins = [
    "tests.fix_leaks",
    "tests.fix_own_servers",
    "tests.fix_processes",
    "tests.fix_servers",
    "tests.fix_service",
]

# Neither profile depends on the speed of the machine.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", settings.get_profile("default"), derandomize=False, max_examples=2000
)
settings.load_profile("default")

# Workers take whole modules in this order. What runs long starts early, so that the workers end
# together.
_FOLDERS: Final = ("e2e", "integration", "contract")
_SERVICE: Final = ("e2e", "integration", "chaos", "peers")
_LONGEST: Final = (
    *("test_outages", "test_aimed", "test_kills", "test_freshness", "test_landed_upgrade"),
    *("test_secured_kafka", "test_broadcasts", "test_copies", "test_restore", "test_kafka"),
    *("test_spoofed_senders", "test_process", "test_desk_processes", "test_schemathesis"),
    *("test_secrets", "up", "test_alarms", "test_hostile_centre"),
    *("test_growing_kafka", "test_key_rotation", "test_failover", "test_broadcast_freshness"),
    *("test_upgrade", "test_searching", "test_skipped_records", "test_hostile_arguments"),
    *("test_fuzz", "test_fuzz_smpp", "test_pages", "test_shared_rate", "test_poison"),
)


# The modules of these folders share what takes long to start: one worker gets them all.
_TOGETHER: Final = ("tests/e2e/up",)
_ROOT: Final = Path(__file__).parents[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Hand out modules, as `--dist loadfile` does, but those of `_TOGETHER` with their folder."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    scheduling: Any = LoadFileScheduling(config, log)
    module_of = scheduling._split_scope

    def unit_of(test: str) -> str:
        module: str = module_of(test)
        folder = module.rpartition("/")[0]
        return folder if folder in _TOGETHER else module

    scheduling._split_scope = unit_of
    return scheduling


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the modules for the workers; a run without workers keeps the order of the folders."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)
    if missing := sorted(TEMPLATE_FIELDS.keys() - load_catalogue(None, part_count)):
        # The service would not start. tests/unit/templates fails and says what to add.
        reason = f"inbound/templates/default.toml has no template [{missing[0]}]"
        for item in items:
            if _folder(item) in _SERVICE:
                item.add_marker(pytest.mark.skip(reason=reason))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(_ROOT / "tests").parts[0]


def _turn(item: pytest.Item) -> tuple[int, int]:
    folder = _folder(item)
    above = item.path.parent
    name = above.name if above.relative_to(_ROOT).as_posix() in _TOGETHER else item.path.stem
    longest = _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)
    return _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS), longest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Undo what a command that runs in the tests' process does to the level of the log."""
    root = logging.getLogger()
    level = root.level
    try:
        return (yield)
    finally:
        root.setLevel(level)
