"""Sample clients for the first `scserv up`."""

from pathlib import Path

from inbound.private_files import write_file

SAMPLES = (
    ("+79161234567", "C-1001", "1234", "ivanov", "1a2b3c4d"),
    ("+79031112233", "C-1002", "5678", "petrova", "9z8y7x6w"),
    ("+79265554433", "C-1003", "2468", "sidorov", "q1w2e3r4"),
)
HEADER = "msisdn,client_id,personal_code,login,password"


def write_samples(path: Path) -> None:
    """Write the sample clients as a CSV file for `scserv clients import`."""
    lines = [HEADER, *(",".join(sample) for sample in SAMPLES)]
    write_file(path, "\n".join(lines) + "\n")
