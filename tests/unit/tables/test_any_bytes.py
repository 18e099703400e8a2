"""Whatever bytes a file has, it is a table or one clear error."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbound.directory.client_rows import CLIENT_COLUMNS, check_row
from inbound.errors import SetupError
from inbound.tables.reader import open_table

CORPUS = Path(__file__).with_name("corpus")
CSV_FILES = [p.read_bytes() for p in sorted(CORPUS.iterdir()) if p.suffix in {".csv", ".tsv"}]
WORKBOOKS = [p.read_bytes() for p in sorted(CORPUS.iterdir()) if p.suffix in {".xlsx", ".ods"}]
same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def damaged(files: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return files with some bytes replaced by others."""

    def damage(content: bytes, changes: list[tuple[float, bytes]]) -> bytes:
        for where, others in changes:
            at = int(where * len(content))
            content = content[:at] + others + content[at + len(others) :]
        return content

    change = st.tuples(st.floats(0, 1), st.binary(max_size=4))
    return st.builds(damage, st.sampled_from(files), st.lists(change, max_size=4))


def read(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        with open_table(path, CLIENT_COLUMNS) as table:
            for row in table.rows():
                str(check_row(row))
    except SetupError as error:
        assert str(error)  # noqa: PT017  either outcome is right


@same_folder
@given(st.binary(max_size=200) | damaged(CSV_FILES))
def test_damaged_csv_file(tmp_path: Path, content: bytes) -> None:
    read(tmp_path / "table.csv", content)


@settings(same_folder, max_examples=8)
@given(damaged(WORKBOOKS))
def test_damaged_workbook(tmp_path: Path, content: bytes) -> None:
    read(tmp_path / "table.xlsx", content)
