"""The file in which a running `scserv up` leaves the settings that other commands need.

It holds passwords and keys, so only the user who runs the service may read it.
"""

import json
from pathlib import Path
from typing import Any

from inbound.errors import SetupError

DEFAULT_DATA_DIR = Path(".scserv")
SERVICE_FILE = "service.json"


def running_service(data_dir: Path) -> dict[str, Any]:
    """Return the settings that `scserv up` left in `data_dir`; nothing when it never ran."""
    path = data_dir / SERVICE_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SetupError(f"can't read {path}: {error}; start `scserv up` again") from error
    return values


def remember_service(data_dir: Path, values: dict[str, Any]) -> None:
    """Write what other commands need into `data_dir`, readable by this user only."""
    path = data_dir / SERVICE_FILE
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(values, indent=2) + "\n", "utf-8")
    fresh.replace(path)
