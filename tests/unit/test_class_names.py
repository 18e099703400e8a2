"""A class name stands for one thing, so that a reader who searches for it finds that thing."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "streams", "inbound")
CLASS = re.compile(r"^class ([A-Z]\w*)", re.MULTILINE)
SEVERAL = {
    "ClaimRow": "a row of the store, and the Protocol that timelines read it by",
    "ErrorCode": "each HTTP dialect has numbers of its own",
    "SubjectState": "the state that decides, and an enum that has this name in docs/openapi.json",
}


def public_classes() -> Iterator[str]:
    for path in chain.from_iterable((ROOT / name).rglob("*.py") for name in PACKAGES):
        yield from CLASS.findall(path.read_text("utf-8"))


def test_no_public_class_has_the_name_of_another() -> None:
    repeated = {name for name, count in Counter(public_classes()).items() if count > 1}
    assert repeated == SEVERAL.keys()
