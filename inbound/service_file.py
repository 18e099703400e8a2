"""`service.json`: the settings that a running `scserv up` leaves for other commands.

Every command reads it below its own environment and `--config`, so that `scserv text` and
`scserv timeline` reach the service in the data folder without further settings. The file
holds passwords and keys: only the user who runs the service may read it (mode 0600).
"""

import json
from pathlib import Path
from typing import Any

from inbound.errors import SetupError
from inbound.private_files import check_folder, read_secret, write_file

DEFAULT_DATA_DIR = Path(".scserv")
SERVICE_FILE = "service.json"


def read_service_file(data_dir: Path) -> dict[str, Any]:
    """Return the settings that `scserv up` left in `data_dir`, or nothing if it never ran there.

    Raises `SetupError` when the file exists and can't be read, and when another user may have
    written it: it names the database and Kafka that passwords are sent to.
    """
    path = data_dir / SERVICE_FILE
    try:
        check_folder(data_dir)
        values: dict[str, Any] = json.loads(read_secret(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SetupError(f"can't read {path}: {error}; start `scserv up` again") from error
    return values


def write_service_file(data_dir: Path, values: dict[str, Any]) -> None:
    """Replace the file in `data_dir` atomically. Raises `OSError`."""
    write_file(data_dir / SERVICE_FILE, json.dumps(values, indent=2) + "\n")
