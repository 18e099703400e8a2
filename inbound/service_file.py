"""`service.json`: the settings that a running `scserv up` leaves for other commands.

Every command reads it below its own environment and `--config`, so that `scserv text` and
`scserv timeline` reach the service in the data folder without further settings. The file
holds passwords and keys: only the user who runs the service may read it (mode 0600).
"""

import json
from pathlib import Path
from typing import Any

from inbound.errors import SetupError

DEFAULT_DATA_DIR = Path(".scserv")
SERVICE_FILE = "service.json"


def read_service_file(data_dir: Path) -> dict[str, Any]:
    """Return the settings that `scserv up` left in `data_dir`, or nothing if it never ran there.

    Raises `SetupError` when the file exists and can't be read.
    """
    path = data_dir / SERVICE_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SetupError(f"can't read {path}: {error}; start `scserv up` again") from error
    return values


def write_service_file(data_dir: Path, values: dict[str, Any]) -> None:
    """Replace the file in `data_dir` atomically. Raises `OSError`."""
    path = data_dir / SERVICE_FILE
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    draft.replace(path)
