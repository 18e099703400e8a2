"""Starts a candidate: a script for `python -I -S`, without the code of this release.

Loads the package `isolation` beside it under another name, because `inbound` has to be the
candidate's.
"""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

_NAME: Final = "scserv_isolation"


def main() -> None:
    """Run the launcher. Blocks until the candidate ends."""
    folder = Path(__file__).with_name("isolation")
    spec = spec_from_file_location(
        _NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None:
        raise ImportError(folder)
    sys.modules[_NAME] = module_from_spec(spec)
    import_module(f"{_NAME}.launcher").main()


if __name__ == "__main__":
    main()
