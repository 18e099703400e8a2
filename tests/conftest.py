"""What every test may use, and the order in which workers take the modules.

Properties are checked with the same examples in every run, so that a run says something about
the change and not about luck; `make test-long` draws other and more examples each time.
"""

import logging
from collections.abc import Generator, Iterable
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

# Workers take whole modules in this order: first what runs long, so that they end together, then
# those of e2e, which mostly wait for processes, among all others, which mostly compute.
_SERVICE: Final = ("e2e", "integration", "chaos", "peers")
_LONGEST: Final = (
    *("test_outages", "test_aimed", "test_kills", "test_freshness", "test_landed_upgrade"),
    *("test_secured_kafka", "test_broadcasts", "test_copies", "test_restore", "test_kafka"),
    *("test_spoofed_senders", "test_process", "test_desk_processes", "test_schemathesis"),
    *("test_secrets", "up", "test_alarms", "test_hostile_centre"),
    *("test_growing_kafka", "test_key_rotation", "test_failover", "test_broadcast_freshness"),
    *("test_upgrade", "test_searching", "test_skipped_records", "test_hostile_arguments"),
    *("test_fuzz", "test_fuzz_smpp", "test_pages", "test_shared_rate", "test_poison"),
    *("test_publish", "test_isolation", "test_jobs", "test_sender", "test_refusals"),
    *("test_conversation", "test_runner", "test_groups", "test_status_command"),
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


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules without a drill, if only drills are run: most have none."""
    if config.getoption("markexpr") != "drill" or collection_path.suffix != ".py":
        return None
    return None if "mark.drill" in collection_path.read_text("utf-8") else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the modules for the workers; a run without workers keeps the order of the folders."""
    if hasattr(config, "workerinput"):
        turns = _turns(items)
        items.sort(key=lambda item: turns[item.path])
    if missing := sorted(TEMPLATE_FIELDS.keys() - load_catalogue(None, part_count)):
        # The service would not start. tests/unit/templates fails and says what to add.
        reason = f"inbound/templates/default.toml has no template [{missing[0]}]"
        for item in items:
            if _folder(item) in _SERVICE:
                item.add_marker(pytest.mark.skip(reason=reason))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(_ROOT / "tests").parts[0]


def _turns(items: Iterable[pytest.Item]) -> dict[Path, tuple[int, float]]:
    """Return by module when its turn is."""
    turns: dict[Path, tuple[int, float]] = {}
    waiting: list[Path] = []
    computing: list[Path] = []
    for path, item in {item.path: item for item in items}.items():
        is_together = path.parent.relative_to(_ROOT).as_posix() in _TOGETHER
        name = path.parent.name if is_together else path.stem
        if name in _LONGEST:
            turns[path] = (0, _LONGEST.index(name))
        else:
            (waiting if _folder(item) == "e2e" else computing).append(path)
    # The last quarter is small modules alone, which fill the workers evenly.
    for paths, part in ((waiting, 0.75), (computing, 1)):
        turns |= {path: (1, part * at / len(paths)) for at, path in enumerate(paths)}
    return turns


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Undo what a command that runs in the tests' process does to the log."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        return (yield)
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
